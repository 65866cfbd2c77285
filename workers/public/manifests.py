"""Manifests: Lists taken apart, and the difference between two of them."""

from workers.sync.plan.diff import diff
from workers.sync.plan.lists import flattened

__all__ = ["diff", "flattened"]
