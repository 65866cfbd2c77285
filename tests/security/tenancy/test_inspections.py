"""Tenant crossing by looks at clusters: nobody sees what their placement does not have, nor what is secret in it.

Classes "tenant crossing", "secrets in errors, logs, API" and "foreign text holds the interpreter". The marker is
another project's pod in the same namespace, its log, and a canary in a Secret.
"""

from __future__ import annotations

import time
from typing import Any

import anyio
import httpx
import orjson
import pytest
import yaml
from sqlalchemy import func, select, update

from common.domain.inspections import LARGEST, MOST_OPEN, TIMEOUT
from common.domain.rights import EVERYWHERE, Grants, Verb, granted
from common.store.queue import leases
from common.store.schema.tables import InspectionRow, PlacementRow
from common.store.state.intents import IntentKind
from console.api.door.viewer import Means, Viewer, viewer
from tests.fixtures.cpu import costing_at_most
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.inspections import Asking
from tests.harness.manifests import config_map, secret
from tests.harness.seen import client
from tests.security.tenancy.conftest import Sent
from tests.security.tenancy.test_hubs_rights_by_default import OTHERS, OURS, project
from workers.inspect import logs_answer
from workers.kube.client import Answer, Client

CANARY = "canary-hunter2-of-the-secret"
PODS = "/api/v1/namespaces/web/pods"
SPEC: dict[str, Any] = {"containers": [{"name": "main", "image": "registry.example.com/web:1"}]}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": SPEC},
    },
}


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """A tenant's Deployment and Secret, and a Job's hook; the controllers' work is done by hand."""
    hub.declare("eu")
    hub.git.commit(REGISTRY.repo, {"projects.yaml": project("team", "web.yaml") + OTHERS})
    hub.git.commit(
        APPS, {"web/a.yaml": yaml.safe_dump(DEPLOYMENT) + "---\n" + config_map("web", v="1") + secret(CANARY)}
    )
    hub.application("web", more="  project: team\n")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()
    with client(hub, "eu") as http:
        found = http.get("/apis/apps/v1/namespaces/web/deployments/web").json()
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": found["metadata"]["uid"]}
        labels = {"flotilla.dev/placement": found["metadata"]["labels"]["flotilla.dev/placement"]}
        marked = {"labels": labels, "annotations": found["metadata"]["annotations"]}
        replica_set = {"metadata": {"name": "web-1", "ownerReferences": [owner]}, "spec": DEPLOYMENT["spec"]}
        made = http.post("/apis/apps/v1/namespaces/web/replicasets", json=replica_set).json()
        of = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": made["metadata"]["uid"]}
        _pod(http, "web", "ours", ownerReferences=[of])
        # Another project's: with all our marks copied, with our owner's name and another uid, and in another namespace.
        _pod(http, "web", "copied", **marked)
        _pod(http, "web", "claimed", **marked, ownerReferences=[of | {"uid": "11111111-1111-1111-1111-111111111111"}])
        _pod(http, "default", "elsewhere", **marked, ownerReferences=[of])
    return hub


def _pod(http: httpx.Client, namespace: str, name: str, **metadata: Any) -> None:
    body = {"metadata": {"name": name, **metadata}, "spec": SPEC}
    http.post(f"/api/v1/namespaces/{namespace}/pods", json=body).raise_for_status()


@pytest.fixture
def asking(web: StepHub) -> Asking:
    return Asking(web, "eu/web")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return what pods have written, by name: a simulated cluster runs none."""
    logs: dict[str, bytes] = {}
    real = Client.send

    def sending(self: Client, method: str, path: str, headers: Any, body: Any = None) -> Answer:
        pod, of_pod, query = path.partition("/log?")
        if not of_pod:
            return real(self, method, path, headers, body)
        asked = dict(part.split("=") for part in query.split("&"))
        raw = logs.get(pod.rpartition("/")[2], b"")
        last = b"".join(raw.splitlines(keepends=True)[-int(asked["tailLines"]) :])
        return Answer(200, {}, last[: int(asked["limitBytes"])])

    monkeypatch.setattr(Client, "send", sending)
    return logs


# -- what is not ours --------------------------------------------------------------------------------------------------


def test_a_pod_is_told_by_the_owners_that_the_cluster_has_and_by_nothing_that_it_claims(asking: Asking) -> None:
    (deployment,) = (node for node in asking("tree")["objects"] if node["kind"] == "Deployment")
    (replica_set,) = deployment["children"]
    assert [pod["name"] for pod in replica_set["children"]] == ["ours"]


def test_an_object_that_does_not_name_itself_as_ours_is_not_shown_though_we_remember_it(
    web: StepHub, asking: Asking
) -> None:
    assert asking("manifest", object="/ConfigMap:web/web")["notes"] == []
    with client(web, "eu") as http:
        patch = {"metadata": {"annotations": {"flotilla.dev/owner": "test/eu/other:/ConfigMap:web/web"}}}
        kind = {"Content-Type": "application/merge-patch+json"}
        path = "/api/v1/namespaces/web/configmaps/web"
        http.patch(path, content=orjson.dumps(patch), headers=kind).raise_for_status()
    (node,) = (one for one in asking("tree")["objects"] if one["id"] == "/ConfigMap:web/web")
    assert node["health"] == "missing"
    assert asking.failed("manifest", object="/ConfigMap:web/web")["code"] == "inspection.object"


@pytest.mark.parametrize("what", ["logs", "events", "manifest"])
@pytest.mark.parametrize(
    "named",
    [
        "/Pod:web/copied",
        "/Pod:web/claimed",
        "/Pod:default/elsewhere",
        "/Pod:web/absent",
        "/Secret:kube-system/key",
        "rbac.authorization.k8s.io/ClusterRole:/admin",
        "/Node:/a",
    ],
)
def test_what_is_anothers_and_what_is_nowhere_are_answered_alike_and_asked_for_by_no_request(
    asking: Asking, sent: list[Sent], written: dict[str, bytes], what: str, named: str
) -> None:
    written |= dict.fromkeys(("copied", "claimed", "elsewhere"), b"the marker")
    sent.clear()
    why = asking.failed(what, object=named)
    assert (why["code"], "the marker" in str(why)) == ("inspection.object", False)
    name = named.rpartition("/")[2]
    asked = [one.path for one in sent if name in one.path.partition("?")[0].split("/")]
    assert asked == [], "to ask is to tell"


def test_every_request_for_objects_is_made_in_the_name_of_the_projects_account(
    asking: Asking, sent: list[Sent], written: dict[str, bytes]
) -> None:
    written["ours"] = b"line\n"
    for what, named in (("tree", ""), ("events", ""), ("logs", ""), ("manifest", "/Pod:web/ours")):
        sent.clear()
        asking(what, object=named)
        of_objects = [one for one in sent if "for a person" in one.agent and "/namespaces/" in one.path]
        assert of_objects, what
        assert {one.account for one in of_objects} == {OURS}, what


def test_an_application_that_went_to_another_project_is_not_looked_at_for_the_first(
    web: StepHub, asking: Asking
) -> None:
    id_ = asking.post("tree")["id"]
    web.git.commit(REGISTRY.repo, {"projects.yaml": project("team", "x.yaml") + project("others", "web.yaml")})
    web.application("web", more="  project: others\n")
    web.settle()
    ended = asking.get(id_)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "inspection.moved")


def operated(web: StepHub, asking: Asking) -> dict[str, Any]:
    """Have the Deployment restarted, and return what came of it."""
    asked = {"placement": "eu/web", "object": "apps/Deployment:web/web", "action": "restart"}
    id_ = asking.client.send_body("POST", "operations", asked)["id"]
    web.dispatcher.tick()
    web.work()
    return asking.get(id_)


def of_objects(sent: list[Sent]) -> list[Sent]:
    return [one for one in sent if "for a person" in one.agent and "/namespaces/" in one.path]


@pytest.mark.parametrize("left_behind", [False, True])
def test_whoever_has_the_applications_name_sees_and_does_nothing_before_its_objects_are_handed_over(
    web: StepHub, asking: Asking, sent: list[Sent], *, left_behind: bool
) -> None:
    """The attacker has every right in ``others``, to whose folder the name went: there it is others' placement."""
    document = web.git.files[REGISTRY.repo]["web.yaml"]
    if left_behind:
        web.git.commit(REGISTRY.repo, {"web.yaml": None})
        web.settle(2)
    theirs = document.replace("project: team", "project: others")
    web.git.commit(REGISTRY.repo, {"other.yaml": theirs} | ({} if left_behind else {"web.yaml": None}))
    web.settle()
    someone(asking, granted(set(Verb), "others"))
    sent.clear()
    for what, named in (("tree", ""), ("events", ""), ("logs", ""), ("manifest", "/ConfigMap:web/web")):
        assert asking.failed(what, object=named)["code"] == "inspection.moved", what
    assert operated(web, asking)["error"]["code"] == "inspection.moved"
    assert of_objects(sent) == []
    web.ask(IntentKind.SYNC, "eu/web")
    web.settle()
    assert operated(web, asking)["state"] == "answered", "once it was handed over"


def test_an_operation_begun_before_a_hand_over_that_was_done_meanwhile_writes_nothing(
    web: StepHub, asking: Asking, sent: list[Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = leases.take

    def handed_over(connection: Any, *given: Any, **named: Any) -> Any:
        connection.execute(update(PlacementRow).values(tenant_project="others"))
        return taken(connection, *given, **named)

    monkeypatch.setattr(leases, "take", handed_over)
    sent.clear()
    assert operated(web, asking)["error"]["code"] == "inspection.moved"
    assert of_objects(sent) == []


def test_an_operation_keeps_to_the_projects_rules_as_they_are_now(
    web: StepHub, asking: Asking, sent: list[Sent]
) -> None:
    """What was written before the rules were narrowed stays on the cluster."""
    projects = web.git.files[REGISTRY.repo]["projects.yaml"].replace(
        "namespaces: {allow: ['*'], create: true}", "namespaces: {allow: [elsewhere], create: true}", 1
    )
    web.git.commit(REGISTRY.repo, {"projects.yaml": projects})
    web.settle()
    sent.clear()
    why = operated(web, asking)["error"]
    assert (why["code"], "project team does not allow" in why["message"]) == ("policy.denied", True), why
    assert of_objects(sent) == []


# -- who may ask, and see ----------------------------------------------------------------------------------------------


def someone(asking: Asking, grants: Grants) -> None:
    """Have everybody be somebody with these grants."""
    asking.app.dependency_overrides[viewer] = lambda: Viewer("someone", grants, Means.TOKEN)


def status(asking: Asking, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer: httpx.Response = anyio.run(asking.answer, method, f"/api/v1/{path}", body)
    return answer.status_code, answer.json()


def test_who_may_not_read_is_told_the_same_as_of_what_does_not_exist(asking: Asking) -> None:
    id_ = asking.post("tree")["id"]
    someone(asking, granted({Verb.READ, Verb.LOGS}, "others"))
    hidden = status(asking, "POST", "inspections", {"placement": "eu/web", "what": "tree"})
    absent = status(asking, "POST", "inspections", {"placement": "eu/wob", "what": "tree"})
    assert (hidden[0], absent[0]) == (404, 404)
    told = [
        {key: str(value).replace("wob", "web") for key, value in body.items() if key != "request_id"}
        for _, body in (hidden, absent)
    ]
    assert told[0] == told[1]
    unseen, nowhere = (status(asking, "GET", f"inspections/{one}")[0] for one in (id_, id_[::-1]))
    assert (unseen, nowhere) == (404, 404)


def test_logs_take_a_right_of_their_own_to_ask_and_to_see(asking: Asking) -> None:
    id_ = asking.post("logs")["id"]
    someone(asking, granted({Verb.READ}, "team"))
    code, body = status(asking, "POST", "inspections", {"placement": "eu/web", "what": "logs"})
    assert (code, body["code"]) == (403, "auth.forbidden")
    assert "logs in project team" in body["detail"]
    assert status(asking, "GET", f"inspections/{id_}")[0] == 404
    someone(asking, granted({Verb.LOGS}, "team"))
    assert status(asking, "GET", f"inspections/{id_}")[0] == 200
    assert status(asking, "POST", "inspections", {"placement": "eu/web", "what": "logs"})[0] == 202


def test_one_viewer_has_no_more_than_a_few_open_and_does_not_keep_others_from_theirs(
    web: StepHub, asking: Asking
) -> None:
    someone(asking, granted({Verb.READ}, EVERYWHERE))
    asked = {"placement": "eu/web", "what": "tree"}
    codes = [status(asking, "POST", "inspections", asked)[0] for _ in range(MOST_OPEN + 2)]
    assert codes == [202] * MOST_OPEN + [429, 429]
    asking.app.dependency_overrides.clear()
    assert asking.post("tree")["state"] == "asked"
    with web.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(InspectionRow)).scalar_one() == MOST_OPEN + 1


@pytest.mark.parametrize(
    "asked",
    [
        {"what": "exec"},
        {"what": "logs", "lines": 0},
        {"what": "logs", "lines": 2_001},
        {"what": "logs", "since": 10**12},
        {"what": "logs", "container": "x" * 64},
        {"what": "manifest"},
        {"what": "manifest", "object": "x" * 901},
        {"what": "manifest", "object": "../../x/Pod:web/..%2f"},
        {"what": "tree", "placement": "eu"},
        {"what": "tree", "path": "/api/v1/secrets"},
    ],
)
def test_what_nobody_asks_so_is_refused(asking: Asking, asked: dict[str, Any]) -> None:
    assert status(asking, "POST", "inspections", {"placement": "eu/web", **asked})[0] == 422


# -- what is secret, and what is hostile -------------------------------------------------------------------------------


def test_values_of_secrets_are_in_no_log_event_manifest_or_row(
    web: StepHub, asking: Asking, written: dict[str, bytes]
) -> None:
    written["ours"] = f"starting\npassword={CANARY}\nhex {CANARY.encode().hex()} end\n{CANARY}\n".encode()
    with client(web, "eu") as http:
        pod = http.get(f"{PODS}/ours").json()
        involved = {"kind": "Pod", "name": "ours", "namespace": "web", "uid": pod["metadata"]["uid"]}
        event = {"metadata": {"name": "e"}, "involvedObject": involved, "message": f"said {CANARY}", "reason": "Said"}
        http.post("/api/v1/namespaces/web/events", json=event).raise_for_status()
        env = [{"name": "TOKEN_OF_IT", "value": "plain-but-named-so-7"}, {"name": "URL", "value": f"x{CANARY}"}]
        spec = {"containers": [SPEC["containers"][0] | {"env": env}]}
        body = {"metadata": {"name": "env", "ownerReferences": pod["metadata"]["ownerReferences"]}, "spec": spec}
        http.post(PODS, json=body).raise_for_status()
    said = [asking("logs"), asking("events"), asking("tree"), asking("manifest", object="/Pod:web/env")]
    said.append(asking("manifest", object="/Secret:web/key"))
    (lines,) = (log["lines"] for log in said[0]["logs"] if log["pod"] == "ours")
    assert lines[0] == "starting"
    assert said[1]["events"][0]["message"] == "said [redacted]"
    with web.database.read() as connection:
        rows = str(connection.execute(select(*InspectionRow.__table__.c)).all())
    for secret_value in (CANARY, CANARY.encode().hex(), "plain-but-named-so-7"):
        assert secret_value not in f"{said}{rows}"


def test_logs_are_not_shown_where_secret_values_cannot_be_known(
    asking: Asking, written: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    written["ours"] = CANARY.encode()
    send = Client.send
    refused = {"kind": "Status", "reason": "Forbidden", "code": 403, "message": "not for you"}

    def refusing(self: Client, method: str, path: str, *rest: Any) -> Answer:
        return Answer(403, {}, orjson.dumps(refused)) if "/secrets" in path else send(self, method, path, *rest)

    monkeypatch.setattr(Client, "send", refusing)
    assert CANARY not in str(asking.failed("logs"))


def test_lines_of_a_log_steer_no_terminal(asking: Asking, written: dict[str, bytes]) -> None:
    written["ours"] = "\x1b]0;owned\x07\x1b[2J\u202ered\u2028one\x9b31m\x00\ud7ff\n".encode() + b"\xff\xfe\r\n"
    (log,) = asking("logs")["logs"]
    assert log["lines"][0].startswith("␛]0;owned␇␛[2J")
    assert not {c for line in log["lines"] for c in line if not c.isprintable()} - {"\ud7ff"}


def test_a_huge_log_is_cut_to_its_newest_lines_at_a_bounded_cost(asking: Asking, written: dict[str, bytes]) -> None:
    written["ours"] = b"".join(b"\x1b%06d password=x%d " % (n, n) + b"a" * 900 + b"\n" for n in range(200_000))
    with costing_at_most(6):
        seen = asking("logs", lines=2_000)
    (log,) = seen["logs"]
    assert log["cut"]
    assert log["lines"][-1].startswith("␛199999"), "the newest is what people look for"
    assert len(orjson.dumps(seen)) <= LARGEST


def test_what_is_larger_than_an_answer_loses_its_oldest_lines() -> None:
    lines = [f"{n:04} " + "␛" * 1_000 for n in range(600)]
    log = {"pod": "p", "namespace": "n", "container": "c", "lines": lines, "cut": False}
    seen = logs_answer.within({"logs": [log], "notes": []})
    assert seen["logs"][0]["cut"]
    assert 0 < len(seen["logs"][0]["lines"]) < 600
    assert seen["logs"][0]["lines"][-1] == lines[-1]


def test_a_cluster_that_drips_holds_up_a_look_for_its_time_and_no_longer(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cluster does at each request is bounded elsewhere; here it is all of them together."""
    limit = TIMEOUT / 30
    monkeypatch.setattr("workers.tasks.inspect_placement.TIMEOUT", limit)
    send = Client.send

    def slow(self: Client, *given: Any) -> Answer:
        time.sleep(0.2)
        return send(self, *given)

    monkeypatch.setattr(Client, "send", slow)
    began = time.monotonic()
    ended = asking.ended("tree")
    assert time.monotonic() - began < 10
    assert ended["state"] == "failed" or ended["tree"]["notes"], ended
    assert "in time" in str(ended)


def test_an_answer_that_is_none_of_ours_is_not_shown(web: StepHub, asking: Asking) -> None:
    id_ = asking.ended("tree")["id"]
    with web.database.write() as connection:
        connection.execute(update(InspectionRow).values(answer={"objects": [{"id": 1}], "notes": "<script>"}))
    assert asking.get(id_)["error"]["code"] == "inspection.unreadable"
