"""Reading status fields that may be absent or of the wrong type: live objects are other people's data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from common.domain.foreign import foreign
from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import NONE, Reason

Manifest = Mapping[str, Any]
_MAPPING = (dict, Mapping)
"""A live object's mappings are dicts: asked for first, since asking an abstract class takes ten times as long."""
DEFAULT_CLASS = "(default)"
"""Stands for the StorageClass of claims that name none: no name of a class has brackets."""
_DECIMAL = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know besides the object.

    Attributes:
        now: the present, aware.
        late_binding: StorageClasses that bind a claim only once a pod uses it; ``DEFAULT_CLASS`` among them where
            the cluster's default one does.
    """

    now: datetime
    late_binding: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of ``status.conditions``."""

    type: str
    status: str
    reason: str
    message: str
    changed: str
    """When its status changed last, as the object says it."""
    seen: int | None = None
    """The generation it speaks of, where it says so."""

    def is_older(self, generation: int) -> bool:
        """Tell whether it speaks of an older generation than this one."""
        return self.seen is not None and self.seen < generation

    @property
    def since(self) -> datetime | None:
        """When its status changed last; None where it does not say."""
        return _instant(self.changed)

    @property
    def why(self) -> Reason:
        """What it says, as the reason of a health."""
        return foreign(HealthReason.CONDITION, type=self.type, reason=self.reason, message=self.message)


def section(manifest: Manifest, name: str) -> Manifest:
    """Return a mapping inside ``manifest``; empty where there is none."""
    found = manifest.get(name)
    return found if isinstance(found, _MAPPING) else {}


def items(manifest: Manifest, name: str) -> Sequence[Manifest]:
    """Return the mappings of a list inside ``manifest``; empty where there is none."""
    found = manifest.get(name)
    return [each for each in found if isinstance(each, _MAPPING)] if isinstance(found, list) else []


def number(manifest: Manifest, name: str, default: int = 0) -> int:
    """Return an integer field, ``default`` where it is absent or something else: Kubernetes has none beyond 64 bits."""
    found = manifest.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**63 else default


def observed(manifest: Manifest) -> int | None:
    """Return the generation that ``manifest``, a status or a condition, speaks of; None where it does not say.

    Argo Rollouts and a few others write it as text; what is no number is a hash of theirs, and says nothing here.
    """
    return integer(manifest.get("observedGeneration"))


def integer(found: Any) -> int | None:
    """Return a generation, which some write as text; None where it is none."""
    if isinstance(found, str):
        return int(found) if _DECIMAL.fullmatch(found) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def text(manifest: Manifest, name: str) -> str:
    """Return a text field, empty where it is absent or something else."""
    found = manifest.get(name)
    return found if isinstance(found, str) else ""


def instant(manifest: Manifest, name: str) -> datetime | None:
    """Return a time field, None where it is absent or no time."""
    return _instant(text(manifest, name))


def conditions(manifest: Manifest) -> dict[str, Condition]:
    """Return ``status.conditions`` by type; of two with one type, the last."""
    return by_type(items(section(manifest, "status"), "conditions"))


def by_type(found: Iterable[Manifest]) -> dict[str, Condition]:
    """Return conditions by type; of two with one type, the last."""
    return {
        text(each, "type"): Condition(
            text(each, "type"),
            _status(each),
            text(each, "reason"),
            text(each, "message"),
            text(each, "lastTransitionTime"),
            observed(each),
        )
        for each in found
    }


def _status(condition: Manifest) -> str:
    """Return ``True``, ``False`` or ``Unknown``; a definition without a schema lets a controller write a boolean."""
    found = condition.get("status")
    return str(found) if isinstance(found, (str, bool)) else ""


def healthy(reason: Reason = NONE) -> HealthReport:
    """Return a report: as it should be."""
    return HealthReport(Health.HEALTHY, reason)


def progressing(reason: Reason) -> HealthReport:
    """Return a report of progress."""
    return HealthReport(Health.PROGRESSING, reason)


def degraded(reason: Reason) -> HealthReport:
    """Return a report: failed, or out of order."""
    return HealthReport(Health.DEGRADED, reason)


def suspended(reason: Reason) -> HealthReport:
    """Return a report: stopped on purpose."""
    return HealthReport(Health.SUSPENDED, reason)


def _instant(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
