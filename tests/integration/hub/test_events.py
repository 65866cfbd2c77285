"""Each kind of event, as a hub comes to tell it; and that nothing else is told."""

from __future__ import annotations

from collections import Counter

import httpx
from sqlalchemy import select

from common.domain.events import PARAMS, Event, EventKind, Position
from common.domain.rights import ALL
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.store.schema.tables import ApprovalRow, FaultRow, RunRow
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client
from tests.integration.hub.test_flow import web

__all__ = ["web"]


def told(hub: StepHub, since: Position = Position()) -> list[Event]:  # noqa: B008 - frozen
    with hub.database.read() as connection:
        return list(stream.behind(connection, since, EventFilter(ALL), limit=10_000))


def last(hub: StepHub) -> Position:
    with hub.database.read() as connection:
        return stream.head(connection, ALL)


def kinds(events: list[Event]) -> Counter[EventKind]:
    return Counter(event.kind for event in events)


def test_a_commit_is_told_from_its_files_to_its_health(web: StepHub) -> None:
    events = told(web)
    assert kinds(events) == {
        EventKind.CLUSTER_REACHED: 2,
        EventKind.REVISION_RESOLVED: 1,
        EventKind.RUN_ENDED: 2,
        EventKind.HEALTH_CHANGED: 2,
    }
    resolved = next(event for event in events if event.kind is EventKind.REVISION_RESOLVED)
    assert (resolved.application, resolved.params["commit"]) == ("web", web.git._id(APPS, 2))
    ended = [event for event in events if event.kind is EventKind.RUN_ENDED]
    assert {event.subject for event in ended} == {"eu/web", "us/web"}
    assert {(event.params["outcome"], event.params["trigger"]) for event in ended} == {("succeeded", "revision")}
    assert ended[0].params["counts"] == {"created": 2}
    since = last(web)
    web.settle()
    web.make_due()
    web.settle()
    assert told(web, since) == [], "where nothing changes nothing is told"


def test_drift_that_may_not_be_corrected_is_told_and_told_gone(web: StepHub) -> None:
    web.application("web", more="  sync: {mode: warn}\n")
    web.settle()
    since = last(web)
    path = "/api/v1/namespaces/web/configmaps/web"
    merge = {"Content-Type": "application/merge-patch+json"}
    for value in ("other", "1"):
        with client(web, "eu") as http:
            assert http.patch(path, json={"data": {"v": value}}, headers=merge).status_code == httpx.codes.OK
        for _ in range(2):  # what a sweep sees is judged by a run, which the next turn makes
            web.make_due()
            web.settle()
    events = [event for event in told(web, since) if event.kind is not EventKind.RUN_ENDED]
    assert [(event.kind, event.subject) for event in events] == [
        (EventKind.DRIFT_FOUND, "eu/web"),
        (EventKind.DRIFT_CLEARED, "eu/web"),
    ]
    assert events[0].code == "drift.warned"
    assert events[0].params["found"]["first"] == "ConfigMap web"
    assert events[0].project == "default"


def test_a_cluster_that_is_lost_is_one_event_and_so_is_its_return(web: StepHub) -> None:
    since = last(web)
    web.simulator.faults("eu", {"kind": "error"})
    for _ in range(2):
        web.make_due()
        web.settle()
    web.simulator.faults("eu")
    web.make_due()
    web.settle()
    events = [event for event in told(web, since) if event.kind in {EventKind.CLUSTER_LOST, EventKind.CLUSTER_REACHED}]
    assert [(event.kind, event.cluster) for event in events] == [
        (EventKind.CLUSTER_LOST, "eu"),
        (EventKind.CLUSTER_REACHED, "eu"),
    ]


def test_a_fault_and_a_request_are_told_and_what_came_of_them(web: StepHub) -> None:
    since = last(web)
    web.git.commit(REGISTRY.repo, {"bad.yaml": "apiVersion: flotilla.dev/v1\nkind: Application\nmetadata: {name: x}\n"})
    web.tick()
    web.git.commit(REGISTRY.repo, {"bad.yaml": None})
    web.tick()
    # Everything of it goes: that is over the bound, and a person is asked.
    web.git.commit(APPS, {"web/a.yaml": config_map("other", v="1")})
    web.settle()
    asked = [event for event in told(web, since) if event.kind is EventKind.APPROVAL_ASKED]
    for event in asked:
        web.ask(IntentKind.REJECT, str(event.params["approval"]))
    web.settle()
    seen = kinds(told(web, since))
    assert seen[EventKind.FAULT_RAISED] == seen[EventKind.FAULT_CLEARED] >= 1
    assert seen[EventKind.APPROVAL_ASKED] == seen[EventKind.APPROVAL_DECIDED] == len(asked)


def test_each_outcome_in_the_tables_has_its_event_and_each_event_its_outcome(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    web.git.commit(APPS, {"web/a.yaml": "kind: Broken\n"})
    web.settle()
    events = told(web)
    with web.database.read() as connection:
        ended = set(connection.execute(select(RunRow.id).where(RunRow.outcome.is_not(None))).scalars())
        faults = set(connection.execute(select(FaultRow.id)).scalars())
        approvals = set(connection.execute(select(ApprovalRow.id)).scalars())
    runs = [event.run for event in events if event.kind is EventKind.RUN_ENDED]
    assert sorted(map(str, runs)) == sorted(ended)
    assert {event.params["fault"] for event in events if event.kind is EventKind.FAULT_RAISED} == faults
    assert {event.params["approval"] for event in events if event.kind is EventKind.APPROVAL_ASKED} == approvals
    for event in events:
        assert set(event.params) == set(PARAMS[event.kind])
