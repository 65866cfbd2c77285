"""What hangs on objects, read from the simulator and from a real API server alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.domain.errors import PermanentError
from simulator.server import running_simulator
from tests.harness.given import Given
from workers.kube import ClusterPool, Connection, children
from workers.kube.children import Children
from workers.kube.logs import Log, Logs, Wanted
from workers.sync.objects.live import Kind

MAPS, EVENTS = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/events"
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", namespaced=True)


@dataclass(frozen=True, slots=True)
class Place:
    connection: Connection
    client: httpx.Client

    @property
    def children(self) -> Children:
        return Children(self.connection, "flotilla/test (tree)", "")

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def config_map(self, name: str, **metadata: Any) -> str:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
        return str(self.create(MAPS, body)["metadata"]["uid"])

    def event(self, name: str, uid: str, **more: Any) -> None:
        about = {"kind": "ConfigMap", "namespace": "default", "name": "a", "uid": uid}
        self.create(EVENTS, {"metadata": {"name": name}, "involvedObject": about, "reason": "Tested", **more})


@pytest.fixture(params=["simulator", "real"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return each cluster in turn, empty."""
    if request.param == "simulator":
        with running_simulator(["it"], ready_after=None) as running:
            headers = {"Authorization": f"Bearer {running.token('it')}"}
            context = httpx.create_ssl_context()
            context.load_verify_locations(cadata=running.authority.decode())
            with httpx.Client(base_url=running.url("it"), headers=headers, verify=context) as client:
                yield from _place(running.kubeconfig("it"), client)
    else:
        plane = request.getfixturevalue("cluster")
        with plane.client() as client:
            yield from _place(plane.kubeconfig(), client)


def _place(kubeconfig: dict[str, Any], client: httpx.Client) -> Iterator[Place]:
    server = kubeconfig["clusters"][0]["cluster"]["server"]
    with closing(ClusterPool(Given.of(kubeconfig), timedelta(seconds=10))) as pool:
        yield Place(pool.connect("it", server=server, credentials="clusters/it"), client)


def _owned_by(name: str, uid: str) -> list[dict[str, str]]:
    return [{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}]


def test_what_has_an_owner_is_found_over_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "PAGE", 1)
    owner = place.config_map("a")
    uid = place.config_map("b", ownerReferences=_owned_by("a", owner))
    found, whole = place.children.owned(CONFIG_MAP, "default")
    assert [(one.name, one.uid, [o.uid for o in one.owner_references]) for one in found] == [("b", uid, [owner])]
    assert whole


def test_beyond_the_bound_it_says_that_there_is_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "PAGE", 1)
    monkeypatch.setattr(children, "MOST", 2)
    owner = place.config_map("a")
    for name in ("b", "c"):
        place.config_map(name, ownerReferences=_owned_by("a", owner))
    found, whole = place.children.owned(CONFIG_MAP, "default")
    assert ([one.name for one in found], whole) == (["b"], False)


def test_nothing_is_an_empty_answer(place: Place) -> None:
    assert place.children.owned(CONFIG_MAP, "nowhere") == ((), True)
    assert place.children.events("default", "nobody") == ()


def test_events_come_latest_first_with_how_often_they_were_seen(place: Place) -> None:
    uid, other = place.config_map("a"), place.config_map("b")
    place.event("e1", uid, message="first", count=4, type="Warning", lastTimestamp="2026-01-01T00:00:01Z")
    place.event("e2", uid, message="second", lastTimestamp="2026-01-01T00:00:02Z")
    place.event("e3", other, message="of another")
    found = place.children.events("default", uid)
    assert [(event.message, event.times, event.at) for event in found] == [
        ("second", 1, "2026-01-01T00:00:02Z"),
        ("first", 4, "2026-01-01T00:00:01Z"),
    ]


def test_a_pod_that_runs_nowhere_has_written_nothing_and_one_that_is_absent_is_said(place: Place) -> None:
    logs, wanted = Logs(place.connection, "flotilla/test (logs)", ""), Wanted("main", 10, 1_000)
    spec = {"containers": [{"name": "main", "image": "example.com/a:1"}]}
    place.create("/api/v1/namespaces/default/pods", {"metadata": {"name": "idle"}, "spec": spec})
    assert logs.read("default", "idle", wanted) == Log(b"", cut=False)
    for pod, container in (("absent", "main"), ("idle", "other")):
        with pytest.raises(PermanentError):
            logs.read("default", pod, Wanted(container, 10, 1_000))
