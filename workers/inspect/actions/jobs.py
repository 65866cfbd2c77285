"""CronJobs and Jobs: they are suspended, and go on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.inspect.actions.action import Action
from workers.sync.health.reading import conditions, section

SUSPEND = ("spec", "suspend")
_ENDS = frozenset({"Complete", "Failed"})
"""Conditions of a Job that is over."""


def offers(manifest: Mapping[str, Any]) -> Iterator[Action]:
    """Yield what changes whether an object runs; nothing where it has come to its end."""
    ended = {name for name, one in conditions(manifest).items() if one.status == "True"} & _ENDS
    if manifest.get("kind") == "Job" and ended:
        return
    suspended = section(manifest, "spec").get("suspend") is True
    yield Action("resume" if suspended else "suspend", {SUSPEND: not suspended})
