"""``python -m benchmarks.neighbours``: how much longer others wait while one tenant, cluster or stranger attacks.

Each row is a series of commits to ordinary applications, each timed until it is applied, beside one neighbour that does
as its row says. The first neighbour is honest and commits as often as the hostile ones: they are compared with it. A
hostile program may use the processor that its bounds give it, and so may an honest one that has much to do: on two
cores, ``one core busy`` shows what that alone costs, without Flotilla taking part in it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from benchmarks import first_sync, one_commit, rig
from benchmarks.rig import Rig
from common.credentials import DirectoryProvider
from tests.fakes.hostile_cluster import HostileCluster, Wire, head, hostile_cluster, page, whole

EVERY = 2.0
"""Seconds between two commits of a neighbour."""
Files = Callable[[int], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Tenant:
    """An application that its team commits to again and again: what its folder holds, and what its document adds."""

    files: Files
    spec: Mapping[str, Any]


def config_map(data: Mapping[str, str], labels: Mapping[str, str] | None = None) -> str:
    """Return the manifest of a ConfigMap."""
    metadata = {"name": "neighbour", "namespace": rig.NAMESPACE, "labels": dict(labels or {})}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})


_DOUBLED = "+".join(["self.data.a"] * 512)
TENANTS: Mapping[str, Tenant] = {
    "long words": Tenant(lambda n: {"a.yaml": config_map({"v": str(n)}, {"a": "a" * 100_000})}, {}),
    "a program that never ends": Tenant(
        lambda n: {"main.jsonnet": f"local f(x) = f(x + 1) tailstrict; f({n})"}, {"render": {"jsonnet": {}}}
    ),
    "a costly health rule": Tenant(
        lambda n: {"a.yaml": config_map({"v": str(n), "a": "a" * 500_000})},
        {"health": [{"kind": "ConfigMap", "healthy": f"size({_DOUBLED}) > 1"}]},
    ),
}
HONEST = Tenant(lambda n: {"a.yaml": config_map({"v": str(n)})}, {})


@contextmanager
def tenant(made: Rig, kind: Tenant) -> Iterator[None]:
    """Have an application and commit to it every few seconds."""
    over = threading.Event()
    document = {
        "apiVersion": "flotilla.dev/v1",
        "kind": "Application",
        "metadata": {"name": "neighbour"},
        "spec": {
            "source": {"repo": made.others.url, "path": "neighbour", "ref": {"branch": "main"}},
            "namespace": rig.NAMESPACE,
            "targets": [{"name": "all", "clusters": ["fleet"]}],
            **kind.spec,
        },
    }

    def commit() -> None:
        number = 0
        while not over.is_set():
            number += 1
            made.others.commit({f"neighbour/{name}": text for name, text in kind.files(number).items()})
            made.hub.ask("refresh")
            over.wait(EVERY)

    made.registry.commit({"apps/neighbour.yaml": yaml.safe_dump(document)})
    committing = threading.Thread(target=commit, daemon=True)
    committing.start()
    yield
    over.set()
    committing.join()
    folder = made.others.folder / "neighbour"
    made.others.commit({f"neighbour/{path.name}": None for path in folder.iterdir()})
    made.registry.commit({"apps/neighbour.yaml": None})
    made.hub.ask("refresh")


def bombs(wire: Wire) -> None:
    """Answer a LIST with pages without end, each as large as it may be, and what else is asked with much too much."""
    if "limit=" in wire.target:
        items = b"[" + b",".join([orjson.dumps({"metadata": {"name": "x" * 1000, "uid": "u"}})] * 500) + b"]"
        wire.send(whole(page(items, token="more")))  # noqa: S106 - of a page
    elif wire.target.startswith(("/version", "/api/v1/namespaces/kube-system")):
        wire.send(whole(orjson.dumps({"gitVersion": "v1.34.0", "metadata": {"name": "kube-system", "uid": "evil"}})))
    else:
        wire.send(head("Transfer-Encoding: chunked"))
        wire.for_ever(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@contextmanager
def hostile(made: Rig) -> Iterator[None]:
    """Have a cluster in the fleet that answers without end, and an application on it."""
    with tempfile.TemporaryDirectory() as folder, hostile_cluster(Path(folder) / "tls", bombs) as evil:
        credential = evil.provider().get("clusters/evil")
        DirectoryProvider(made.hub.home / "credentials").store("clusters/evil", credential)
        made.registry.commit({"evil.yaml": _evil(evil)})
        with tenant(made, HONEST):
            yield
        made.registry.commit({"evil.yaml": None})


def _evil(evil: HostileCluster) -> str:
    spec = {"server": evil.server, "credentials": {"secretRef": "clusters/evil"}}
    document = {
        "apiVersion": "flotilla.dev/v1",
        "kind": "Cluster",
        "metadata": {"name": "evil", "labels": {"env": "bench"}},
    }
    return yaml.safe_dump({**document, "spec": spec})


@contextmanager
def strangers(made: Rig) -> Iterator[None]:
    """Send bodies without end to the API from four connections at a time, without a token."""
    over = threading.Event()

    def send() -> None:
        begin = b"POST /api/v1/plan HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n"
        while not over.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", made.hub.api_port), timeout=5) as connection:
                connection.sendall(begin)
                while not over.is_set():
                    connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            over.wait(0.05)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(4)]
    for each in threads:
        each.start()
    with tenant(made, HONEST):
        yield
    over.set()


@contextmanager
def messages(made: Rig) -> Iterator[None]:
    """Put messages into the workers' queue that nest as deep as they can, fifty in a second."""
    over = threading.Event()

    def push() -> None:
        with made.redis.client() as broker:
            while not over.wait(0.02):
                broker.lpush("default", b'{"body":' + b"[" * 1500)

    thread = threading.Thread(target=push, daemon=True)
    thread.start()
    with tenant(made, HONEST):
        yield
    over.set()
    thread.join()


def _spin() -> None:
    while True:
        pass


@contextmanager
def busy(made: Rig) -> Iterator[None]:
    """Keep one core busy with what has nothing to do with Flotilla."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    with tenant(made, HONEST):
        yield
    process.kill()
    process.join()


OTHERS = {
    "one core busy": busy,
    "a cluster that answers without end": hostile,
    "bodies without end, and no token": strangers,
    "messages that nest": messages,
}


def series(made: Rig, count: int, *, turn: int) -> list[float]:
    """Return the seconds of that many commits, in order of size."""
    return sorted(one_commit.applied_after(made, f"app-{number:04}", replicas=1 + turn % 4) for number in range(count))


def p95(seconds: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def measure(made: Rig, count: int) -> None:
    """Print a row for each neighbour, with the honest one before it for comparison."""
    neighbours = {name: lambda made, kind=kind: tenant(made, kind) for name, kind in TENANTS.items()} | OTHERS
    print(f"{'beside':<36} {'p50':>6} {'p95':>6} {'honest p95':>10} {'ratio':>6}")
    for number, (name, beside) in enumerate(neighbours.items()):
        with tenant(made, HONEST):
            before = series(made, count, turn=2 * number)
        with beside(made):
            with_it = series(made, count, turn=2 * number + 1)
        ratio = p95(with_it) / p95(before)
        middle = statistics.median(with_it)
        print(f"{name:<36} {middle:6.2f} {p95(with_it):6.2f} {p95(before):10.2f} {ratio:6.2f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=40, help="of each series")
    count: int = parser.parse_args().commits
    print(rig.describe())
    with rig.rig(("bare", "fleet")) as made:
        first_sync.measure(made, count)
        measure(made, count)


if __name__ == "__main__":
    main()
