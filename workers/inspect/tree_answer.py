"""The objects of a placement as they live, with what hangs on them, how well each is, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from common.domain.health import WELL, Health, HealthReport, worst
from common.domain.health_codes import HealthReason
from common.domain.inspections import Question
from common.domain.refs import ObjectId
from common.domain.secrecy import Secrets
from common.domain.status import Reason
from workers.inspect.actions import names
from workers.inspect.details import Details, details_of
from workers.inspect.masking import live_secrets
from workers.inspect.place import Belonging, Notes, Place, found, read
from workers.inspect.texts import moment, shown
from workers.inspect.tree import Happened, Met, Node, grown, is_spent
from workers.kube.children import Event
from workers.sync.concurrent import each
from workers.sync.health import Context, assess
from workers.sync.health.storage import late_binding

MOST_ILL = 20
"""Objects whose events are read."""
EVENTS_SHOWN = 3
UNREAD = HealthReport(Health.UNKNOWN, Reason(HealthReason.UNREAD))
MISSING = HealthReport(Health.MISSING, Reason(HealthReason.ABSENT))


def tree(place: Place, question: Question) -> Mapping[str, Any]:  # noqa: ARG001 - as every answer is asked for
    """Return the trees of a placement's objects: one for each that it owns, in their order.

    Raises:
        FlotillaError: the values of its Secrets cannot be read.
    """
    look = _Look(place, Notes(), live_secrets(place))
    nodes = look.nodes()
    whole = worst(look.reports.values())
    return {"health": whole.health, "objects": [_told(node) for node in nodes], "notes": look.notes.said}


@dataclass(slots=True)
class _Look:
    """One look at a cluster; what cannot be read is noted, and the rest goes on."""

    place: Place
    notes: Notes
    secrets: Secrets
    reports: dict[ObjectId, HealthReport] = field(default_factory=dict)
    details: dict[ObjectId, Details] = field(default_factory=dict)

    def nodes(self) -> tuple[Node, ...]:
        belonging = found(self.place, self.notes)
        late = late_binding(self.place.cluster, belonging.live.values())
        for one in belonging.roots:
            self._judge(one, belonging, late)
        met = self._below(belonging.met)
        uids = belonging.uids
        roots = [(one, uids.get(one, "")) for one in belonging.roots]
        events = self._events(uids, [*belonging.roots, *(one.object for one in met)])
        return grown(roots, met, self.reports, self.details, events)

    def _judge(self, one: ObjectId, belonging: Belonging, late: frozenset[str]) -> None:
        manifest = belonging.live.get(one)
        if manifest is None:
            self.reports[one] = UNREAD if one in belonging.unread else MISSING
            return
        self._seen(one, manifest, late)

    def _seen(self, one: ObjectId, manifest: Mapping[str, Any], late: frozenset[str]) -> None:
        self.reports[one] = assess(manifest, Context(self.place.now, late), self.place.own)
        self.details[one] = replace(details_of(manifest), actions=names(one, manifest))

    def _below(self, met: Sequence[Met]) -> tuple[Met, ...]:
        """Look at each object that hangs on others; return those that are more than history."""
        spent: set[ObjectId] = set()

        def look(one: Met) -> None:
            manifest = self.notes.tried(f"{one.object.kind} {one.object.name}", partial(read, self.place, one.object))
            if manifest is None:
                self.reports[one.object] = UNREAD
            elif not manifest or is_spent(manifest) or manifest["metadata"].get("uid") != one.uid:
                spent.add(one.object)
            else:
                self._seen(one.object, manifest, late_binding(self.place.cluster, [manifest]))

        each(self.place.executor, look, met)
        return tuple(one for one in met if one.object not in spent)

    def _events(self, uids: Mapping[ObjectId, str], objects: Sequence[ObjectId]) -> dict[ObjectId, Sequence[Happened]]:
        ill = [one for one in objects if uids.get(one) and self.reports[one].health not in WELL]
        if len(ill) > MOST_ILL:
            self.notes.add(f"events of the first {MOST_ILL} of {len(ill)} objects that are not well")
        events: dict[ObjectId, Sequence[Happened]] = {}

        def look(one: ObjectId) -> None:
            namespace = one.namespace or "default"
            told = self.notes.tried(f"events in {namespace}", partial(self.place.children.events, namespace, uids[one]))
            events[one] = [happened(event, self.secrets) for event in (told or ())[:EVENTS_SHOWN]]

        each(self.place.executor, look, ill[:MOST_ILL])
        return events


def happened(event: Event, secrets: Secrets) -> Happened:
    """Return an event as it is shown."""
    said = (event.type or "", event.reason or "", event.message or "")
    kind, reason, message = (shown(words, secrets) for words in said)
    return Happened(kind, reason, message, event.times, moment(event.at))


def _told(node: Node) -> dict[str, Any]:
    """Return a node as JSON."""
    one = node.object
    named = {"id": str(one), "group": one.group, "kind": one.kind, "namespace": one.namespace, "name": one.name}
    report = node.report
    health = {"health": Health.UNKNOWN.value, "reason": "", "reason_code": "", "reason_params": {}}
    if report is not None:
        health = {
            "health": report.health.value,
            "reason": report.reason,
            "reason_code": report.reason_code,
            "reason_params": dict(report.reason_params),
        }
    below = {"events": [asdict(event) for event in node.events], "children": [_told(child) for child in node.children]}
    return {**named, **health, **asdict(node.details), **below}
