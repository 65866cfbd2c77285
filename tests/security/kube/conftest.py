"""A placement on a real, empty API server, and an administrator's client beside it."""

from __future__ import annotations

from tests.fixtures.site import kubectl, site

__all__ = ["kubectl", "site"]
