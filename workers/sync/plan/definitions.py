"""From a CustomResourceDefinition that was written to its kind being served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from common.domain.refs import ObjectId
from workers.sync.errors import NotEstablishedError, UnknownKindError, establishing_timed_out
from workers.sync.health.reading import items, section
from workers.sync.plan.arriving import definition_of
from workers.sync.plan.normalise import Wanted
from workers.sync.ports import Ports

ESTABLISHING = timedelta(seconds=60)
"""How long the kinds that were defined together are waited for, all in all."""
POLL = timedelta(milliseconds=250)
"""Between two looks at what is waited for within an attempt."""


def defined_by(wanted: Wanted) -> tuple[str, str] | None:
    """Return group and kind that an object defines; None where it brings no kind to the cluster."""
    definition = definition_of(wanted.manifest)
    return None if definition is None else (definition.group, definition.kind)


def await_served(definitions: Iterable[Wanted], ports: Ports) -> dict[ObjectId, NotEstablishedError]:
    """Wait until the cluster serves the kinds of all definitions; return those whose names it does not take, and why.

    Raises:
        TransientError: the cluster failed, or one is still not served and the cluster does not say why.
    """
    deadline = ports.clock.monotonic() + ESTABLISHING.total_seconds()
    left = list(definitions)
    while left := [each for each in left if not _serves(each, ports)]:
        if ports.clock.monotonic() > deadline:
            break
        ports.clock.sleep(POLL.total_seconds())
    return {each.object: _refusal(each, ports) for each in left}


def _conditions(definition: Wanted, ports: Ports) -> Sequence[Mapping[str, Any]]:
    live = ports.cluster.get(definition.target)
    return items(section(live.body(), "status"), "conditions") if live is not None else ()


def _serves(definition: Wanted, ports: Ports) -> bool:
    established = (each.get("type") == "Established" for each in _conditions(definition, ports) if _is_true(each))
    defined = definition_of(definition.manifest)
    if defined is None or not any(established):
        return False
    ports.cluster.refresh_kinds()
    try:
        for version in defined.versions:
            ports.cluster.kind(defined.group, version, defined.kind)
    except UnknownKindError:
        return False
    return True


def _is_true(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") == "True"


def _refusal(definition: Wanted, ports: Ports) -> NotEstablishedError:
    for each in _conditions(definition, ports):
        if each.get("type") == "NamesAccepted" and each.get("status") == "False":
            reason = each.get("message") or each.get("reason") or "no reason given"
            return NotEstablishedError(definition.object.name, ESTABLISHING, str(reason))
    raise establishing_timed_out(definition.object.name, ESTABLISHING)
