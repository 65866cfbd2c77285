"""From a CustomResourceDefinition that was written to its kind being served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from common.domain.refs import ObjectId
from workers.sync.errors import NotEstablishedError, UnknownKindError, establishing_timed_out
from workers.sync.normalise import Wanted
from workers.sync.ordering import CRD
from workers.sync.ports import Ports

ESTABLISHING = timedelta(seconds=60)
"""How long the kinds that were defined together are waited for, all in all."""
POLL = timedelta(milliseconds=250)
"""Between two looks at what is waited for within an attempt."""


def defined_by(wanted: Wanted) -> tuple[str, str] | None:
    """Return group and kind that an object defines; None where it is no definition."""
    if (wanted.object.group, wanted.object.kind) != CRD:
        return None
    spec = wanted.manifest.get("spec") or {}
    return str(spec.get("group")), str((spec.get("names") or {}).get("kind"))


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
    return (live.body().get("status") or {}).get("conditions") or () if live is not None else ()


def _serves(definition: Wanted, ports: Ports) -> bool:
    if not any(each["type"] == "Established" and each["status"] == "True" for each in _conditions(definition, ports)):
        return False
    spec = definition.manifest["spec"]
    ports.cluster.refresh_kinds()
    try:
        for version in spec["versions"]:
            if version.get("served", True):
                ports.cluster.kind(spec["group"], version["name"], spec["names"]["kind"])
    except UnknownKindError:
        return False
    return True


def _refusal(definition: Wanted, ports: Ports) -> NotEstablishedError:
    for each in _conditions(definition, ports):
        if each["type"] == "NamesAccepted" and each["status"] == "False":
            return NotEstablishedError(definition.object.name, ESTABLISHING, each.get("message") or each["reason"])
    raise establishing_timed_out(definition.object.name, ESTABLISHING)
