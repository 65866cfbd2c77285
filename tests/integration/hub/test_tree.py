"""``flotilla render CLUSTER/APP`` and ``flotilla tree CLUSTER/APP`` on the hub's machine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from common.domain.errors import FlotillaError
from common.domain.refs import PlacementRef
from common.settings import Settings
from console.cli import inspect, main
from console.errors import HubUnreachableError
from console.inspect import hub as inspect_hub
from console.inspect.live import look
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client
from tests.integration.hub.test_looking import secret
from workers.kube.client import Answer
from workers.kube.pool import Connection

REF = PlacementRef("eu", "web")
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


def test_what_hangs_on_an_object_is_shown_with_the_events_of_what_is_not_well(web: StepHub, config: Settings) -> None:
    before = web.simulator.requests("eu")
    grown = look(config, REF)
    assert grown.notes == ()
    assert [str(node.object) for node in grown.nodes] == [
        "/ConfigMap:web/web",
        "/Namespace:/web",
        "/Secret:web/key",
        "apps/Deployment:web/web",
    ]
    deployment = grown.nodes[3]
    (replica_set,) = deployment.children
    assert replica_set.object.name == "web-2", "the older one, scaled to nothing, is history"
    (pod,) = replica_set.children
    assert pod.report is not None
    assert (pod.object.name, pod.report.health) == ("web-2-x", "degraded")
    assert [(event.reason, event.message, event.times) for event in pod.events] == [("BackOff", "image is broken", 3)]
    assert "canary" not in str(grown)
    made = {verb: count - before.get(verb, 0) for verb, count in web.simulator.requests("eu").items()}
    assert not {verb for verb, count in made.items() if count} - {"discovery", "get", "list"}, "it only reads"


@pytest.mark.usefixtures("web")
def test_pods_and_events_that_may_not_be_read_are_said_and_the_rest_is_shown(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Connection.send
    status = {"kind": "Status", "reason": "Forbidden", "code": 403, "message": "not for you"}

    def refusing(self: Connection, method: str, path: str, *rest: Any, **more: Any) -> Answer:
        if "/web/pods" in path or "/web/events" in path:
            return Answer(403, {}, orjson.dumps(status))
        return send(self, method, path, *rest, **more)

    monkeypatch.setattr(Connection, "send", refusing)
    grown = look(config, REF)
    assert [note.partition(":")[0] for note in grown.notes] == [
        "Pod in web cannot be read",
        "events in web cannot be read",
    ]
    assert [child.object.name for child in grown.nodes[3].children] == ["web-2"]


def test_a_cluster_that_is_another_one_is_not_shown_as_ours(web: StepHub, config: Settings) -> None:
    web.simulator.change_identity("eu")
    with pytest.raises(FlotillaError, match="another cluster answers"):
        look(config, REF)


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def flotilla(web: StepHub, config: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    sources = SimpleNamespace(tree=web.git.tree, close=lambda: None)
    monkeypatch.setattr(inspect_hub, "sources_from", lambda *_: sources)
    monkeypatch.setattr(inspect, "settings", lambda: config)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main.app, words)

    return run


def test_the_tree_is_told_line_by_line(flotilla: Any) -> None:
    seen = flotilla("tree", "eu/web")
    assert seen.exit_code == 1
    lines = [line.strip("│├└─ ").rstrip() for line in seen.output.splitlines()]
    assert lines[0] == "eu/web  degraded"
    assert "Pod/web-2-x  degraded  container web: ImagePullBackOff" in lines
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
    monkeypatch.setattr(inspect, "settings", lambda: Settings(home=tmp_path / "elsewhere"))
    for command in ("tree", "render"):
        assert isinstance(flotilla(command, "eu/web").exception, HubUnreachableError)


def test_render_takes_a_placement_or_a_folder(flotilla: Any) -> None:
    for words in ((), ("eu/web", "--path", "."), ("eu/web", "--app", "app.yaml"), ("nonsense",)):
        assert flotilla("render", *words).exit_code == 2, words
