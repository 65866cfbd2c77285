"""Looks at clusters that people ask for, and ``flotilla render CLUSTER/APP`` on the hub's machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
import yaml
from sqlalchemy import func, select, update
from typer.testing import CliRunner, Result

from common.broker import messages
from common.clock import SystemClock
from common.settings import Settings
from common.store.schema.tables import InspectionRow
from console.cli import inspect as cli_inspect
from console.cli import main
from console.errors import HubUnreachableError
from console.inspect import hub as inspect_hub
from scheduler.loop.retention import Retention
from tests.harness.hub import APPS, StepHub
from tests.harness.inspections import Asking
from tests.harness.manifests import config_map, secret
from tests.harness.seen import client
from workers.kube.client import Answer
from workers.kube.pool import Connection
from workers.tasks.inspect_placement import inspect

POD_SPEC: dict[str, Any] = {"containers": [{"name": "web", "image": "registry.example.com/web:broken"}]}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"app": "web"}}, "spec": POD_SPEC}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}
EVENT = {"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "BackOff", "count": 3}


@pytest.fixture
def asking(web: StepHub) -> Asking:
    """Return how people ask for the web's objects."""
    return Asking(web, "eu/web")


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=database_url)


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """A Deployment whose pod cannot start, a ConfigMap and a Secret, synced; the controllers' work done by hand."""
    hub.declare("eu")
    files = {"web/a.yaml": yaml.safe_dump(DEPLOYMENT), "web/b.yaml": config_map("web", v="1") + secret("canary-1")}
    hub.git.commit(APPS, files)
    hub.application("web")
    hub.settle()
    with client(hub, "eu") as http:
        deployment = http.get("/apis/apps/v1/namespaces/web/deployments/web").json()
        old = _made(http, "/apis/apps/v1/namespaces/web/replicasets", _replica_set("web-1", deployment, 0))
        new = _made(http, "/apis/apps/v1/namespaces/web/replicasets", _replica_set("web-2", deployment, 1))
        pod = _made(http, "/api/v1/namespaces/web/pods", _owned("v1", "Pod", "web-2-x", new) | {"spec": POD_SPEC})
        _made(http, "/api/v1/namespaces/web/pods", _owned("v1", "Pod", "stranger", pod) | {"spec": POD_SPEC})
        for name, about, message in (("e1", pod, "image is broken"), ("e2", old, "of another")):
            involved = {"kind": about["kind"], "name": about["metadata"]["name"], "uid": about["metadata"]["uid"]}
            event = EVENT | {"metadata": {"name": name}, "message": message, "involvedObject": involved}
            _made(http, "/api/v1/namespaces/web/events", event)
    return hub


def _made(http: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = http.post(path, json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _owned(api: str, kind: str, name: str, owner: dict[str, Any]) -> dict[str, Any]:
    of = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
    reference = of | {"uid": owner["metadata"]["uid"], "controller": True}
    metadata = {"name": name, "labels": {"app": "web"}, "ownerReferences": [reference]}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _replica_set(name: str, owner: dict[str, Any], replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
    return _owned("apps/v1", "ReplicaSet", name, owner) | {"spec": spec}


def made_since(web: StepHub, before: Mapping[str, int]) -> set[str]:
    now = web.simulator.requests("eu")
    return {verb for verb, count in now.items() if count > before.get(verb, 0)}


def test_what_hangs_on_an_object_is_shown_with_the_events_of_what_is_not_well(web: StepHub, asking: Asking) -> None:
    before = web.simulator.requests("eu")
    seen = asking("tree")
    assert seen["notes"] == []
    assert [node["id"] for node in seen["objects"]] == [
        "/ConfigMap:web/web",
        "/Namespace:/web",
        "/Secret:web/key",
        "apps/Deployment:web/web",
    ]
    deployment = seen["objects"][3]
    assert (deployment["images"], deployment["wanted"]) == (["registry.example.com/web:broken"], 1)
    (replica_set,) = deployment["children"]
    assert replica_set["name"] == "web-2", "the older one, scaled to nothing, is history"
    (pod,) = replica_set["children"]
    assert (pod["name"], pod["health"], pod["containers"], pod["restarts"]) == ("web-2-x", "degraded", ["web"], 0)
    told = [(event["reason"], event["message"], event["times"]) for event in pod["events"]]
    assert told == [("BackOff", "image is broken", 3)]
    assert "canary" not in str(seen)
    assert made_since(web, before) <= {"discovery", "get", "list"}, "it only reads"


def test_an_inspection_is_carried_out_once_and_by_the_pools_queue_for_people(web: StepHub, asking: Asking) -> None:
    posted = asking.post("tree")
    web.tick()
    sent = [one for one in web.sender.messages if one[0] == messages.INSPECT]
    assert sent == [(messages.INSPECT, posted["id"], "default.now")]
    web.work()
    before = web.simulator.requests("eu")
    inspect(web.runtime, posted["id"])
    assert made_since(web, before) == set(), "a repeated message looks at nothing"
    assert asking.get(posted["id"])["state"] == "answered"


def test_what_nobody_takes_is_sent_again_and_given_up_after_a_minute(web: StepHub, asking: Asking) -> None:
    id_ = asking.post("tree")["id"]
    for ago, sent in ((None, 1), (5, 0), (20, 1)):
        with web.database.write() as connection:
            sent_at = None if ago is None else web.database.now(connection) - timedelta(seconds=ago)
            connection.execute(update(InspectionRow).values(sent_at=sent_at))
        web.tick()
        assert [one[0] for one in web.sender.messages].count(messages.INSPECT) == sent, ago
        web.sender.messages.clear()
    with web.database.write() as connection:
        old = web.database.now(connection) - timedelta(seconds=61)
        connection.execute(update(InspectionRow).values(created_at=old, sent_at=None))
    web.tick()
    assert messages.INSPECT not in {one[0] for one in web.sender.messages}
    over = asking.get(id_)
    assert (over["state"], over["error"]["code"]) == ("failed", "inspection.untaken")
    inspect(web.runtime, id_)
    assert asking.get(id_)["state"] == "failed", "nobody waits for it any more"


def test_two_people_look_at_a_cluster_before_one_looks_twice(web: StepHub, asking: Asking) -> None:
    mine = [asking.post("tree")["id"] for _ in range(3)]
    other = asking.post("tree")["id"]
    with web.database.write() as connection:
        connection.execute(update(InspectionRow).where(InspectionRow.id == other).values(actor="bob"))
    web.dispatcher.tick()
    sent = [one[1] for one in web.sender.messages if one[0] == messages.INSPECT]
    assert sent == [mine[0], other], "two at once at one cluster, of two people"
    web.dispatcher.tick()
    assert [one[0] for one in web.sender.messages].count(messages.INSPECT) == 2, "they hold their places till answered"
    with web.database.write() as connection:
        of_mine = update(InspectionRow).where(InspectionRow.id == mine[0])
        connection.execute(of_mine.values(ended_at=web.database.now(connection), state="answered"))
    web.dispatcher.tick()
    assert [one[1] for one in web.sender.messages if one[0] == messages.INSPECT][2:] == [mine[1]]


def test_a_wiped_broker_is_sent_it_again(web: StepHub, asking: Asking) -> None:
    asking.post("tree")
    web.tick()
    web.sender.wipe()
    web.tick()
    assert messages.INSPECT in {one[0] for one in web.sender.messages}


def test_what_is_over_is_deleted(web: StepHub, asking: Asking) -> None:
    asking("tree")
    retention = Retention(web.database, SystemClock(), keep=timedelta(days=30))
    with web.database.write() as connection:
        connection.execute(update(InspectionRow).values(expires_at=web.database.now(connection)))
    retention.tick()
    with web.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(InspectionRow)).scalar_one() == 0


def test_pods_and_events_that_may_not_be_read_are_said_and_the_rest_is_shown(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Connection.send
    status = {"kind": "Status", "reason": "Forbidden", "code": 403, "message": "not for you"}

    def refusing(self: Connection, method: str, path: str, *rest: Any, **more: Any) -> Answer:
        if "/web/pods" in path or "/web/events" in path:
            return Answer(403, {}, orjson.dumps(status))
        return send(self, method, path, *rest, **more)

    monkeypatch.setattr(Connection, "send", refusing)
    seen = asking("tree")
    assert [note.partition(":")[0] for note in seen["notes"]] == [
        "Pod in web cannot be read",
        "events in web cannot be read",
    ]
    assert [child["name"] for child in seen["objects"][3]["children"]] == ["web-2"]


def test_a_cluster_that_is_another_one_is_not_shown_as_ours(web: StepHub, asking: Asking) -> None:
    web.simulator.change_identity("eu")
    assert asking.failed("tree")["code"] == "cluster.blocked"


def test_events_of_an_object_are_those_of_what_hangs_on_it_too(asking: Asking) -> None:
    seen = asking("events", object="apps/Deployment:web/web")
    assert {(event["object"], event["message"]) for event in seen["events"]} == {
        ("/Pod:web/web-2-x", "image is broken"),
        ("apps/ReplicaSet:web/web-1", "of another"),
    }
    assert asking("events", object="/ConfigMap:web/web")["events"] == []


def test_a_manifest_is_without_managed_fields_and_secret_values(asking: Asking) -> None:
    shown = yaml.safe_load(asking("manifest", object="/Secret:web/key")["manifest"])
    assert shown["metadata"]["name"] == "key"
    assert "managedFields" not in shown["metadata"]
    assert set(shown["data"].values()) == {"[redacted]"}
    pod = yaml.safe_load(asking("manifest", object="/Pod:web/web-2-x")["manifest"])
    assert pod["spec"]["containers"][0]["image"] == "registry.example.com/web:broken"


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def flotilla(web: StepHub, config: Settings, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> Any:
    sources = SimpleNamespace(tree=web.git.tree, close=lambda: None)
    monkeypatch.setattr(inspect_hub, "sources_from", lambda *_: sources)
    monkeypatch.setattr(cli_inspect, "settings", lambda: config)
    monkeypatch.setattr(cli_inspect, "connect", lambda: asking.client)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main.app, words)

    return run


def test_the_tree_is_told_line_by_line(flotilla: Any) -> None:
    seen = flotilla("tree", "eu/web")
    assert seen.exit_code == 1
    lines = [line.strip("│├└─ ").rstrip() for line in seen.output.splitlines()]
    assert lines[0] == "eu/web  degraded"
    (pod,) = (line for line in lines if line.startswith("Pod/web-2-x"))
    assert pod.startswith("Pod/web-2-x  degraded  container web: ImagePullBackOff  0/1 ready, web:broken")
    assert "BackOff (3 times): image is broken" in lines
    data = orjson.loads(flotilla("tree", "eu/web", "-o", "json").output)
    assert (data["health"], len(data["objects"])) == ("degraded", 4)


def test_a_placement_is_rendered_as_it_would_be_applied_with_secrets_masked(flotilla: Any) -> None:
    seen = flotilla("render", "eu/web")
    assert seen.exit_code == 0, seen.output
    shown = list(yaml.safe_load_all(seen.stdout))
    assert [(one["kind"], one["metadata"]["namespace"]) for one in shown] == [
        ("Deployment", "web"),
        ("ConfigMap", "web"),
        ("Secret", "web"),
    ]
    assert "# Source: web/a.yaml:1" in seen.stdout
    assert "canary" not in seen.output


def test_a_secret_within_a_list_is_masked_too(web: StepHub, flotilla: Any) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(secret("canary-2").removesuffix("---\n"))]}
    web.git.commit(APPS, {"web/b.yaml": yaml.safe_dump(listed)})
    web.settle()
    seen = flotilla("render", "eu/web")
    assert [one["kind"] for one in yaml.safe_load_all(seen.stdout)] == ["Deployment", "Secret"]
    assert "canary" not in seen.output


def test_what_is_not_placed_or_has_no_hub_is_told(
    flotilla: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no placement eu/shop" in str(flotilla("tree", "eu/shop").exception)
    monkeypatch.setattr(cli_inspect, "settings", lambda: Settings(home=tmp_path / "elsewhere"))
    assert isinstance(flotilla("render", "eu/web").exception, HubUnreachableError)


def test_render_takes_a_placement_or_a_folder(flotilla: Any) -> None:
    for words in ((), ("eu/web", "--path", "."), ("eu/web", "--app", "app.yaml"), ("nonsense",)):
        assert flotilla("render", *words).exit_code == 2, words
