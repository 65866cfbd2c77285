"""Loops and bombs: a log that drips, that never ends, or that is larger than was asked for costs a look its bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.errors import PermanentError, TransientError
from tests.fakes.hostile_cluster import HostileCluster, Wire, head, hostile_cluster, whole
from workers.kube import ClusterPool
from workers.kube.bounded import within
from workers.kube.logs import Logs, Wanted
from workers.kube.pool import OWN

LIMIT = 64 * 1024
SLACK = 1.5


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[HostileCluster]:
    with hostile_cluster(tmp_path / "tls") as running:
        yield running


@pytest.fixture
def logs(hostile: HostileCluster) -> Iterator[Logs]:
    """Return logs of a connection whose own time-out is far longer than the look may take."""
    pool = ClusterPool(hostile.provider(), timedelta(seconds=10))
    yield Logs(pool.connect("it", server=hostile.server, credentials="clusters/it"), "flotilla/test", OWN)
    pool.close()


def drips(wire: Wire) -> None:
    wire.send(head("Transfer-Encoding: chunked"))
    wire.drip(b"1\r\nx\r\n" * 10_000, every=0.05)


def never_ends(wire: Wire) -> None:
    wire.send(head("Transfer-Encoding: chunked"))
    wire.for_ever(b"10\r\nline of the log\n\r\n" * 100)


def says_nothing(wire: Wire) -> None:
    wire.over.wait(20)


@pytest.mark.parametrize("attack", [drips, never_ends, says_nothing])
def test_all_requests_of_a_look_together_end_when_it_has_to(
    hostile: HostileCluster, logs: Logs, attack: Callable[[Wire], None]
) -> None:
    hostile.script = attack
    began = time.monotonic()
    with within(timedelta(seconds=1)):
        for _ in range(3):
            with pytest.raises((TransientError, PermanentError)):
                logs.read("web", "web-1", Wanted("main", 10, LIMIT))
    assert time.monotonic() - began < 1 + SLACK
    hostile.script = lambda wire: wire.send(whole(b"fine\n"))
    assert logs.read("web", "web-1", Wanted("main", 10, LIMIT)).raw == b"fine\n", "the next look is not cut short"


def test_what_is_more_than_was_asked_for_is_cut_and_asked_for_a_few_times_only(
    hostile: HostileCluster, logs: Logs
) -> None:
    hostile.script = lambda wire: wire.send(whole(b"x" * (4 * LIMIT)))
    found = logs.read("web", "web-1", Wanted("main", 2_000, LIMIT))
    assert (len(found.raw), found.cut, len(hostile.asked)) == (LIMIT, True, 4)


@pytest.mark.parametrize(
    ("namespace", "pod", "container"),
    [
        ("web", "../nodes/a", "main"),
        ("../x", "web-1", "main"),
        ("web", "web-1", "a&previous=true"),
        ("web", "", "main"),
    ],
)
def test_no_name_leads_elsewhere(hostile: HostileCluster, logs: Logs, namespace: str, pod: str, container: str) -> None:
    with pytest.raises(PermanentError):
        logs.read(namespace, pod, Wanted(container, 10, LIMIT))
    assert hostile.asked == []
