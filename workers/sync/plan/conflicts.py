"""What a refused apply means: drift that we take back, or a field that never was ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.domain.codes import ObjectReason
from common.domain.fleet import ConflictPolicy
from common.domain.foreign import foreign
from common.domain.status import NONE, Reason
from workers.sync.errors import Cause
from workers.sync.objects import fieldset

_OWNER = re.compile(r'conflicts? with "(?P<manager>(?:[^"\\]|\\.)*)"(?: with subresource "(?P<subresource>[^"]*)")?')


@dataclass(frozen=True, slots=True)
class Force:
    """The fields become ours; ``detail`` says from whom and why."""

    detail: Reason


@dataclass(frozen=True, slots=True)
class Stop:
    """The fields stay theirs and nothing is written; ``detail`` names each field and its owner."""

    detail: Reason


def owner_named(cause: Cause) -> str:
    """Return the manager that a cause names, ``kubectl`` or ``kubectl/scale``; the whole message if it names none."""
    match = _OWNER.search(cause.message)
    if match is None:
        return cause.message
    return "/".join(part for part in (match["manager"], match["subresource"]) if part)


def decide(
    causes: Sequence[Cause],
    applied: Mapping[str, Any] | None,
    policy: ConflictPolicy,
    *,
    moving: Callable[[str], bool],
) -> Force | Stop:
    """Return what to do about fields that others own.

    Args:
        causes: one for each field.
        applied: our field set after the last successful apply; None when there was none.
        policy: what to do about fields that never were ours.
        moving: tells of a manager whether its fields move to us by adoption.
    """
    ours: Container[str] = fieldset.Paths(applied) if applied else ()
    strange = [each for each in causes if each.field not in ours and not moving(owner_named(each))]
    if not strange:
        drift = [owner_named(each) for each in causes if not moving(owner_named(each))]
        return Force(foreign(ObjectReason.RECLAIMED, managers=_names(drift)) if drift else NONE)
    if policy is ConflictPolicy.TAKE_OVER:
        return Force(foreign(ObjectReason.TAKEN_OVER, managers=_names(map(owner_named, strange))))
    fields = [foreign("", field=each.field, owner=owner_named(each)).params for each in strange]
    return Stop(Reason(ObjectReason.FIELDS_OWNED, {"fields": fields}))


def _names(managers: Iterable[str]) -> list[str]:
    return sorted(set(managers))
