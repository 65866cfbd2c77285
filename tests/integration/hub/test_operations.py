"""What people do to running objects: one write under the placement's lease, which no later sync takes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
import yaml
from sqlalchemy import select, update

from common.broker import messages
from common.domain.refs import PlacementRef
from common.domain.rights import Verb, granted
from common.store.queue import leases
from common.store.schema.tables import AuditRow, ClusterRow, LeaseRow, OpenRunRow
from common.store.state import placements
from common.store.state.intents import IntentKind
from console.api.door.viewer import Means, Viewer, viewer
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.inspections import Asking
from tests.harness.seen import client

AT = "kubectl.kubernetes.io/restartedAt"
SPEC: dict[str, Any] = {"containers": [{"name": "main", "image": "registry.example.com/web:1"}]}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": SPEC}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}
WEB = "apps/Deployment:web/web"


def cron_job(name: str, **spec: Any) -> dict[str, Any]:
    job = {"template": {"spec": {"template": {"spec": SPEC | {"restartPolicy": "Never"}}}}}["template"]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": job, **spec},
    }


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    hub.declare("eu")
    objects = [DEPLOYMENT, cron_job("nightly"), cron_job("gits", suspend=False)]
    hub.git.commit(APPS, {"web/a.yaml": yaml.safe_dump_all(objects)})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.faults()
    return hub


@pytest.fixture
def asking(web: StepHub) -> Asking:
    return Asking(web, "eu/web")


def operated(asking: Asking, web: StepHub, object_: str, action: str) -> dict[str, Any]:
    """Have something done, and return what came of it."""
    asked = {"placement": "eu/web", "object": object_, "action": action, "reason": "tried"}
    id_ = asking.client.send_body("POST", "operations", asked)["id"]
    web.dispatcher.tick()
    web.work()
    return asking.get(id_)


def live(web: StepHub, path: str) -> dict[str, Any]:
    with client(web, "eu") as http:
        found: dict[str, Any] = http.get(path).json()
        return found


def deployment(web: StepHub) -> dict[str, Any]:
    return live(web, "/apis/apps/v1/namespaces/web/deployments/web")


def test_the_tree_says_what_can_be_done_and_what_git_decides_on_is_not_among_it(asking: Asking) -> None:
    offers = {node["name"]: node["actions"] for node in asking("tree")["objects"] if node["kind"] != "Namespace"}
    assert offers == {"web": ["restart"], "nightly": ["suspend"], "gits": []}


def test_a_restart_is_kept_by_the_next_sync_and_is_no_drift(web: StepHub, asking: Asking) -> None:
    done = operated(asking, web, WEB, "restart")
    assert (done["state"], done["operate"]["action"]) == ("answered", "restart"), done
    at = deployment(web)["spec"]["template"]["metadata"]["annotations"][AT]
    (entry,) = (one for one in deployment(web)["metadata"]["managedFields"] if AT in str(one["fieldsV1"]))
    assert entry["manager"] == "flotilla-operate"
    with web.database.write() as connection:
        connection.execute(update(ClusterRow).values(sweep_due_at=web.database.now(connection), sweep_sent_at=None))
    web.settle()
    web.ask(IntentKind.SYNC, "eu/web")
    web.settle()
    assert deployment(web)["spec"]["template"]["metadata"]["annotations"][AT] == at
    view = web.placement("eu/web")
    assert view.sync == "synced"
    changed = {run.counts.get("configured", 0) for run in web.runs("eu/web") if run.trigger in {"drift", "manual"}}
    assert changed <= {0}, "nothing of it was taken for drift"


def test_a_cron_job_is_suspended_and_goes_on(web: StepHub, asking: Asking) -> None:
    job, path = "batch/CronJob:web/nightly", "/apis/batch/v1/namespaces/web/cronjobs/nightly"
    assert operated(asking, web, job, "suspend")["state"] == "answered"
    assert live(web, path)["spec"]["suspend"] is True
    web.ask(IntentKind.SYNC, "eu/web")
    web.settle()
    assert live(web, path)["spec"]["suspend"] is True
    assert operated(asking, web, job, "suspend")["error"]["code"] == "operation.not-offered"
    assert operated(asking, web, job, "resume")["state"] == "answered"
    assert live(web, path)["spec"]["suspend"] is False


def test_what_git_has_is_changed_in_git(web: StepHub, asking: Asking) -> None:
    why = operated(asking, web, "batch/CronJob:web/gits", "suspend")["error"]
    assert (why["code"], why["remedy"]) == ("operation.of-git", "Change it in Git.")
    assert live(web, "/apis/batch/v1/namespaces/web/cronjobs/gits")["spec"]["suspend"] is False


@pytest.mark.parametrize(
    ("object_", "action", "code"),
    [
        ("apps/Deployment:kube-system/web", "restart", "inspection.object"),
        ("/Namespace:/web", "restart", "operation.not-offered"),
        (WEB, "delete", "operation.not-offered"),
    ],
)
def test_nothing_else_is_done(web: StepHub, asking: Asking, object_: str, action: str, code: str) -> None:
    before = deployment(web)
    assert operated(asking, web, object_, action)["error"]["code"] == code
    assert deployment(web) == before


def test_while_a_run_writes_nothing_else_does_and_a_run_that_was_turned_away_is_sent_again(
    web: StepHub, asking: Asking
) -> None:
    before = deployment(web)
    with web.database.write() as connection:
        one = placements.get(connection, PlacementRef.parse("eu/web"))
        assert one is not None
        now = web.database.now(connection)
        name = leases.of_placement(one.id)
        token = leases.take(connection, name, holder="another", lease=timedelta(minutes=1), now=now)
    assert token is not None
    assert operated(asking, web, WEB, "restart")["error"]["code"] == "operation.busy"
    assert deployment(web) == before
    with web.database.write() as connection:
        leases.release(connection, name, token)
    web.ask(IntentKind.SYNC, "eu/web")
    web.tick()
    (sent,) = (one for one in web.sender.messages if one[0] == messages.SYNC)
    web.sender.messages.remove(sent)  # a worker took it while the lease was held, and turned away
    assert operated(asking, web, WEB, "restart")["state"] == "answered"
    with web.database.read() as connection:
        assert connection.execute(select(LeaseRow.name).where(LeaseRow.name == name)).first() is None
        assert connection.execute(select(OpenRunRow.sent_at)).scalar_one() is None
    web.settle()
    assert web.runs("eu/web")[0].outcome == "succeeded"


def test_a_run_that_was_turned_away_is_sent_again_whatever_came_of_the_operation(web: StepHub, asking: Asking) -> None:
    web.ask(IntentKind.SYNC, "eu/web")
    web.tick()
    (sent,) = (one for one in web.sender.messages if one[0] == messages.SYNC)
    web.sender.messages.remove(sent)  # a worker took it meanwhile, and turned away
    assert operated(asking, web, WEB, "delete")["error"]["code"] == "operation.not-offered"
    with web.database.read() as connection:
        assert connection.execute(select(OpenRunRow.sent_at)).scalar_one() is None


def test_it_is_done_to_what_is_paused_and_not_to_a_cluster_that_is_frozen_or_another(
    web: StepHub, asking: Asking
) -> None:
    web.ask(IntentKind.PAUSE, "eu/web", reason="tried")
    web.settle()
    assert operated(asking, web, WEB, "restart")["state"] == "answered"
    fleet = web.git.files[REGISTRY.repo]["fleet.yaml"]
    web.git.commit(REGISTRY.repo, {"fleet.yaml": fleet.replace("state: active", "state: frozen")})
    web.settle()
    before = deployment(web)
    assert operated(asking, web, WEB, "restart")["error"]["code"] == "operation.held"
    web.git.commit(REGISTRY.repo, {"fleet.yaml": fleet})
    web.settle()
    web.simulator.change_identity("eu")
    assert operated(asking, web, WEB, "restart")["error"]["code"] == "cluster.blocked"
    assert deployment(web) == before


def test_it_is_audited_when_it_is_asked_for_and_with_what_came_of_it(web: StepHub, asking: Asking) -> None:
    operated(asking, web, WEB, "restart")
    operated(asking, web, WEB, "delete")
    with web.database.read() as connection:
        query = select(AuditRow).where(AuditRow.action.like("operate%")).order_by(AuditRow.id)
        rows = connection.execute(query.with_only_columns(*AuditRow.__table__.c)).all()
    told = [(row.action, row.subject, row.detail["action"], row.detail.get("outcome", "")) for row in rows]
    assert {(row.verb, row.outcome) for row in rows if row.action == "operate"} == {("operate", "asked")}
    assert told == [
        ("operate", "eu/web", "restart", ""),
        ("operated", "eu/web", "restart", "done"),
        ("operate", "eu/web", "delete", ""),
        ("operated", "eu/web", "delete", "operation.not-offered"),
    ]


def test_it_takes_the_right_to_operate_and_a_refusal_is_audited(web: StepHub, asking: Asking) -> None:
    asked = {"placement": "eu/web", "object": WEB, "action": "restart"}
    for verbs, status in (({Verb.READ, Verb.LOGS, Verb.SYNC}, 403), (set(), 404), ({Verb.OPERATE}, 202)):
        grants = granted(verbs, "default")
        asking.app.dependency_overrides[viewer] = lambda grants=grants: Viewer("someone", grants, Means.TOKEN)
        answer = anyio.run(asking.answer, "POST", "/api/v1/operations", asked)
        assert answer.status_code == status, answer.text
    with web.database.read() as connection:
        found = select(AuditRow.subject).where(AuditRow.action == "operate", AuditRow.outcome == "refused")
        assert connection.execute(found).scalars().all() == ["eu/web"]
