"""A claimed run looks anew at what it was made for."""

from __future__ import annotations

import httpx

from common.broker import messages
from common.store.state.intents import IntentKind
from tests.harness.hands import config_map_in, data_in
from tests.harness.hub import APPS, REGISTRY, StepHub


def queued(hub: StepHub) -> None:
    """Take turns until a run of ``eu/web`` lies in the queue."""
    for _ in range(4):
        hub.tick()
        if any(task == messages.SYNC for task, _, _ in hub.sender.messages):
            return
        hub.work()
    message = "no run was queued"
    raise AssertionError(message)


def placed(hub: StepHub) -> None:
    """Have an application synced."""
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1")})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"


def test_what_is_superseded_since_dispatch_ends_so_and_writes_nothing(hub: StepHub, people: httpx.Client) -> None:
    placed(hub)
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="2")})
    queued(hub)
    ours = [message for message in hub.sender.messages if message[0] == messages.SYNC]
    hub.sender.messages.clear()
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="3")})
    for source in ("1",):
        hub.carry_out(messages.RESOLVE, source)
    hub.planner.tick()
    hub.carry_out(*ours[0][:2])
    assert hub.runs("eu/web")[-2].outcome == "superseded"
    assert data_in(people, "web", "web") == {"v": "1"}
    hub.settle()
    assert data_in(people, "web", "web") == {"v": "3"}


def test_what_was_paused_since_dispatch_is_skipped_with_the_reason(hub: StepHub, people: httpx.Client) -> None:
    placed(hub)
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="2")})
    queued(hub)
    hub.ask(IntentKind.PAUSE, "eu/web", "incident")
    hub.intents.tick()
    hub.work()
    run = hub.runs("eu/web")[0]
    assert (run.outcome, run.reason) == ("skipped", "paused")
    assert data_in(people, "web", "web") == {"v": "1"}


def test_what_was_frozen_since_dispatch_is_skipped_with_the_reason(hub: StepHub, people: httpx.Client) -> None:
    placed(hub)
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="2")})
    queued(hub)
    fleet = hub.git.files[REGISTRY.repo]["fleet.yaml"].replace("state: active", "state: frozen")
    hub.git.commit(REGISTRY.repo, {"fleet.yaml": fleet})
    hub.registry.look(jitter=1.0)
    hub.work()
    run = hub.runs("eu/web")[0]
    assert (run.outcome, run.reason) == ("skipped", "frozen: the cluster's state is frozen")
    assert data_in(people, "web", "web") == {"v": "1"}


def test_a_message_that_comes_twice_claims_once(hub: StepHub) -> None:
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1")})
    hub.application("web")
    queued(hub)
    task, subject, _ = next(message for message in hub.sender.messages if message[0] == messages.SYNC)
    for _ in range(3):
        hub.carry_out(task, subject)
    assert [attempt.number for attempt in hub.run(subject).attempts] == [1]
