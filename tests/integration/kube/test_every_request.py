"""Whatever goes wrong at whichever request of a run: nothing hangs, the run ends, and the next one gets there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import yaml

from common.domain.errors import FlotillaError
from common.domain.refs import PlacementRef
from simulator.server import Simulator
from tests.fakes.sync import Site, config_map
from tests.harness.given import Given
from workers.kube import ClusterPool, Connection
from workers.kube.pool import OWN
from workers.sync.results import Ending

OBJECTS = 6
"""Enough that a run works on several threads."""
PATIENCE = 20.0
"""Seconds; a run takes a fraction of one, so that only a hang takes so long."""
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "401": {"kind": "unauthorized"},
    "403": {"kind": "forbidden"},
    "429": {"kind": "throttle", "retryAfterSeconds": 0},
    "429 for long": {"kind": "throttle", "retryAfterSeconds": 60},
    "500": {"kind": "error"},
    "503": {"kind": "unavailable", "retryAfterSeconds": 0},
    "reset": {"kind": "refuse"},
    "cut off": {"kind": "drop", "afterBytes": 5},
    "garbage": {"kind": "garbage"},
    "hang": {"kind": "hang"},
}
WAITED_FOR = {"429", "503"}


class Runs:
    """One run after another, each of an application of its own and on a connection of its own."""

    def __init__(self, simulated: Simulator, provider: Given) -> None:
        self._simulated = simulated
        self._provider = provider
        self._made = 0

    def begin(self, seconds: float = 5) -> tuple[Site, Connection, ClusterPool]:
        """Return the surroundings of the next run."""
        self._made += 1
        pool = ClusterPool(self._provider, timedelta(seconds=seconds))
        connection = pool.connect("it", server=self._simulated.url("it"), credentials="clusters/it")
        site = Site(connection.session("flotilla/test", account=OWN), ref=PlacementRef("it", f"a{self._made}"))
        site.cluster = connection.session("flotilla/test", account=OWN, permit=site.lease.check)
        return site, connection, pool

    def requests(self) -> int:
        """Return how many requests one run makes."""
        self._simulated.reset_requests()
        site, connection, pool = self.begin()
        assert run(site, connection) is Ending.SUCCEEDED
        pool.close()
        return sum(self._simulated.requests("it").values())


@pytest.fixture
def runs(simulated: Simulator, provider: Given) -> Runs:
    return Runs(simulated, provider)


def run(site: Site, connection: Connection) -> Ending | FlotillaError:
    """Return how a run ended, identity and discovery included."""
    try:
        connection.identity()
        connection.capabilities(agent={"User-Agent": "flotilla/test"})
        return site.sync(*(config_map(f"{site.ref.application}-{number}") for number in range(OBJECTS))).ending
    except FlotillaError as error:
        return error


def bounded(site: Site, connection: Connection) -> Ending | FlotillaError:
    """Return how a run ended; a hang is a failure of this test, and not of all that follow."""
    executor = ThreadPoolExecutor(1)
    try:
        return executor.submit(run, site, connection).result(PATIENCE)
    finally:
        executor.shutdown(wait=False)


def recovered(site: Site, connection: Connection) -> Iterator[Ending | FlotillaError]:
    """Yield how the next runs end: on a busy machine a short time-out may strike without any fault."""
    for _ in range(10):
        yield bounded(site, connection)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_request_ends_the_run_and_the_next_one_gets_there(
    runs: Runs, simulated: Simulator, name: str
) -> None:
    total = runs.requests()
    assert total > 2 * OBJECTS
    seen = set()
    for position in range(total):
        site, connection, pool = runs.begin(0.5 if name == "hang" else 5)
        simulated.faults("it", {**FAULTS[name], "skip": position, "count": 1})
        ended = bounded(site, connection)
        seen.add(ended if isinstance(ended, Ending) else type(ended))
        if name in WAITED_FOR:
            assert ended is Ending.SUCCEEDED, position
        simulated.faults("it")
        assert Ending.SUCCEEDED in recovered(site, connection), position
        pool.close()
    assert seen  # what came of it, told when a test of this fails


def test_a_token_that_is_rotated_at_any_request_costs_nothing(
    runs: Runs, simulated: Simulator, provider: Given
) -> None:
    for position in range(runs.requests()):
        site, connection, pool = runs.begin()
        fresh = f"token-{position}"
        simulated.hub.hosted["it"].cluster.tokens[fresh] = None
        kubeconfig = yaml.safe_load(provider.kubeconfig)
        kubeconfig["users"][0]["user"]["token"] = fresh
        provider.kubeconfig = yaml.safe_dump(kubeconfig).encode()
        simulated.faults("it", {"kind": "unauthorized", "skip": position, "count": 1})
        assert bounded(site, connection) is Ending.SUCCEEDED, position
        simulated.faults("it")
        pool.close()


def test_many_threads_whose_token_is_refused_in_discovery_all_go_on(
    runs: Runs, simulated: Simulator, provider: Given
) -> None:
    _, connection, pool = runs.begin()
    fresh = "another-token"
    simulated.hub.hosted["it"].cluster.tokens[fresh] = None
    kubeconfig = yaml.safe_load(provider.kubeconfig)
    kubeconfig["users"][0]["user"]["token"] = fresh
    provider.kubeconfig = yaml.safe_dump(kubeconfig).encode()
    simulated.faults("it", {"kind": "unauthorized", "count": 1})
    executor = ThreadPoolExecutor(8)
    kinds = [executor.submit(connection.kind, "", "v1", "ConfigMap", agent={}) for _ in range(8)]
    assert {found.result(PATIENCE).resource for found in kinds} == {"configmaps"}
    executor.shutdown()
    pool.close()
