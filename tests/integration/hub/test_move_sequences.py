"""No sequence of commits and runs deletes what a wanted revision still renders, nor gives it another uid.

Two applications pass two objects to and fro, in commits of their own or together, in one wave or in two; their runs are
carried out in any order, broken off by the cluster, paused, or asked for by hand.
"""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.broker import messages
from common.store.engine.session import Database
from common.store.state.intents import IntentKind
from simulator.server import running_simulator
from tests.harness.hub import StepHub
from tests.harness.seen import look
from tests.integration.hub.moving import BOTH, Shop, values

SEQUENCES = int(os.environ.get("FLOTILLA_MOVES", "4"))
NAMES = ("x", "y")
WAVE = {"flotilla.dev/wave": "1"}
MAPS = "/api/v1/namespaces/shared/configmaps"
HOLDERS = st.fixed_dictionaries({name: st.sampled_from([(), ("old",), ("new",), ("new",), BOTH]) for name in NAMES})
COMMIT = st.tuples(st.just("commit"), HOLDERS, st.booleans(), st.sampled_from(["", "", "old", "new"]))
RUN = st.tuples(st.sampled_from(["run", "run", "break off"]), st.sampled_from(BOTH), st.integers(0, 6))
PERSON = st.tuples(st.sampled_from([IntentKind.SYNC, IntentKind.PAUSE, IntentKind.RESUME]), st.sampled_from(BOTH))
STEPS = st.lists(st.one_of(COMMIT, COMMIT, RUN, RUN, RUN, PERSON, st.just(("turn",))), min_size=4, max_size=10)


class Passing:
    """Carries out one sequence, and looks after each step at what became of the objects."""

    def __init__(self, shop: Shop, running: Any) -> None:
        self.shop, self.hub, self.running = shop, shop.hub, running
        self.wanted: dict[str, tuple[str, ...]] = dict.fromkeys(NAMES, ("old",))
        self.uids: dict[str, str] = {}

    def begin(self) -> None:
        for name in BOTH:
            self.shop.declare(name)
        self.commit(self.wanted, waves=False, broken="")
        self.shop.until(lambda: all(map(self.shop.synced, BOTH)))
        self.look()

    def commit(self, wanted: dict[str, tuple[str, ...]], *, waves: bool, broken: str) -> None:
        """Commit who renders what, and have it planned: from then on the hub knows it."""
        self.wanted = wanted
        folders = {}
        for app in BOTH:
            mine = [values(name, by=app) for name in NAMES if app in wanted[name]]
            if waves:
                mine = [{**one, "metadata": {**one["metadata"], "annotations": WAVE}} for one in mine]
            folders[app] = (values(f"of-{app}"), *mine, *([{"kind": "ConfigMap"}] if app == broken else []))
        self.shop.commit(**folders)
        self.uids = {name: uid for name, uid in self.uids.items() if wanted[name]}
        self.hub.tick()
        for task, subject, _ in [one for one in self.hub.sender.messages if one[0] == messages.RESOLVE]:
            self.hub.carry_out(task, subject)
        self.hub.tick()
        self.hub.tick()

    def run(self, name: str) -> None:
        """Carry out what is to be run of an application, if there is anything."""
        self.hub.make_due()
        self.hub.planner.tick()
        for run in self.hub.runs(f"eu/{name}")[:2]:
            if run.state == "queued":
                self.hub.carry_out(messages.SYNC, run.id)

    def step(self, kind: str, *what: Any) -> None:
        match kind:
            case "commit":
                self.commit(what[0], waves=what[1], broken=what[2])
            case "run":
                self.run(what[0])
            case "break off":
                self.running.faults("eu", {"kind": "error", "skip": what[1]})
                self.run(what[0])
                self.running.faults("eu")
            case "turn":
                self.turn()
            case _:
                self.hub.ask(IntentKind(kind), f"eu/{what[0]}")
                self.hub.intents.tick()
        self.look()

    def turn(self) -> None:
        self.hub.settle(1)
        self.hub.make_due()
        look(self.hub)

    def look(self) -> None:
        """What a wanted revision renders since an object of its owner was there is that very object for ever."""
        found = self.shop.kubectl.get(MAPS)
        there = {
            one["metadata"]["name"]: one["metadata"] for one in (found.json()["items"] if found.is_success else ())
        }
        for name, uid in self.uids.items():
            assert name in there, f"{name} is gone, and {self.wanted[name]} renders it"
            assert "deletionTimestamp" not in there[name], f"{name} is being deleted"
            assert there[name]["uid"] == uid
        for name in NAMES:
            if name in there and "deletionTimestamp" not in there[name] and self.wanted[name]:
                owner = there[name]["annotations"]["flotilla.dev/owner"].partition(":")[0].rpartition("/")[2]
                if owner in self.wanted[name]:
                    self.uids[name] = there[name]["uid"]

    def end(self) -> None:
        """Let everything go on, without what was broken; each object is then with the one that renders it."""
        for name in BOTH:
            self.hub.ask(IntentKind.RESUME, f"eu/{name}")
        one_each = {name: holders[:1] for name, holders in self.wanted.items()}
        self.uids = {name: uid for name, uid in self.uids.items() if one_each[name]}
        self.commit(one_each, waves=False, broken="")
        for _ in range(12):
            self.turn()
            self.look()
            if all(map(self.shop.synced, BOTH)):
                break
        for name, holders in one_each.items():
            if holders:
                metadata = self.shop.kubectl.get(f"{MAPS}/{name}").raise_for_status().json()["metadata"]
                if "deletionTimestamp" not in metadata:
                    assert metadata["annotations"]["flotilla.dev/owner"].startswith(f"test/eu/{holders[0]}:")


def test_no_sequence_deletes_what_a_wanted_revision_renders(sqlite_template: Path) -> None:
    @settings(max_examples=SEQUENCES, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def hold(steps: list[tuple[Any, ...]]) -> None:
        with tempfile.TemporaryDirectory() as folder, running_simulator(["eu"]) as running:
            shutil.copy(sqlite_template, f"{folder}/hub.db")
            database = Database(f"sqlite:///{folder}/hub.db")
            hub = StepHub(database, running, Path(folder))
            try:
                hub.declare("eu")
                context = ssl.create_default_context(cadata=running.authority.decode())
                headers = {"Authorization": f"Bearer {running.token('eu')}"}
                with httpx.Client(base_url=running.url("eu"), verify=context, headers=headers) as people:
                    passing = Passing(Shop(hub, people), running)
                    passing.begin()
                    for step in steps:
                        passing.step(*step)
                    passing.end()
            finally:
                hub.close()
                database.dispose()

    hold()
