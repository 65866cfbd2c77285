"""Tenant crossing: everything in a manifest that could name what is another's, on a real API server.

The engine connects as the hub's own account, which may do everything, but where a row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.domain.fleet import EVERYTHING, AdoptPolicy, ConflictPolicy, Project, SyncSettings
from common.domain.refs import ObjectId, PlacementRef
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, annotated, config_map, details
from tests.harness.given import Given
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map as text_of
from tests.harness.seen import live
from tests.security.tenancy.matrix import fields, page
from tests.security.tenancy.matrix.page import Row
from workers.kube import ClusterPool
from workers.kube.pool import OWN
from workers.sync.errors import PolicyError
from workers.sync.objects.marks import OWNER, PLACEMENT_LABEL, owner_mark
from workers.sync.results import Ending

THEIRS = PlacementRef("alpha", "theirs-app")
OURS = Project("ours", clusters=EVERYTHING, namespaces=("default", "ours-*"), denied_kinds=("batch/Job",))
ACCOUNT = "system:serviceaccount:default:ours"
RBAC = "rbac.authorization.k8s.io"
SHARED = ObjectId("", "ConfigMap", "default", "shared")
MARK = owner_mark("acme", THEIRS, SHARED)
MAPS = "/api/v1/namespaces/{}/configmaps/{}"


def thing(api_version: str, kind: str, name: str = "x", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def binding(kind: str) -> dict[str, Any]:
    subject = {"kind": "ServiceAccount", "name": "theirs", "namespace": "theirs"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    return thing(f"{RBAC}/v1", kind, roleRef=reference, subjects=[subject])


ELSEWHERE = config_map("settings", namespace="theirs")
TAKEN = config_map("shared", namespace="default")
MAKES = replace(OURS, create_namespaces=True)
WIDE = replace(OURS, cluster_kinds=("**",), allowed_kinds=("**",))


@dataclass(frozen=True, slots=True)
class Attack:
    """What a manifest of ours says, by which rules, and in whose name it is written."""

    what: str
    names: str
    manifest: Mapping[str, Any]
    project: Project = OURS
    account: str = OWN
    settings: SyncSettings = field(default_factory=SyncSettings)


def taken(how: str, manifest: Mapping[str, Any] = TAKEN, **settings: Any) -> Attack:
    return Attack(how, "an object in a namespace of both", manifest, settings=SyncSettings(**settings))


ATTACKS = (
    Attack("metadata.namespace", "a namespace", ELSEWHERE),
    Attack("items.metadata.namespace", "a namespace, in a List",
           {"apiVersion": "v1", "kind": "List", "items": [ELSEWHERE]}),
    *(Attack(f"flotilla.dev/hook: {stage}", "a namespace, by a hook",
             annotated(ELSEWHERE, **{"flotilla.dev/hook": stage}))
      for stage in ("pre-sync", "post-sync", "sync-fail", "pre-delete", "post-delete")),
    Attack("helm.sh/hook", "a namespace, by a hook", annotated(ELSEWHERE, **{"helm.sh/hook": "pre-install"})),
    Attack("argocd.argoproj.io/hook", "a namespace, by a hook",
           annotated(ELSEWHERE, **{"argocd.argoproj.io/hook": "PreSync"})),
    Attack("kind: Namespace", "a namespace itself", thing("v1", "Namespace", "theirs")),
    Attack("kind: Namespace", "a namespace itself, where it may make its own",
           thing("v1", "Namespace", "theirs"), MAKES),
    Attack("kind", "a kind that its project denies", thing("batch/v1", "Job", spec={})),
    Attack("kind", "a kind of the whole cluster", thing("storage.k8s.io/v1", "CSIDriver", spec={})),
    Attack("kind: ClusterRoleBinding", "rights over everything", binding("ClusterRoleBinding")),
    Attack("kind: RoleBinding", "rights, without an account of its own", binding("RoleBinding")),
    Attack("roleRef, subjects", "an account, in the name of its own", binding("RoleBinding"),
           replace(OURS, service_account="ours"), ACCOUNT),
    Attack("kind", "a kind of the whole cluster, named by its project, in the name of its own account",
           thing("storage.k8s.io/v1", "CSIDriver", spec={}), replace(WIDE, service_account="ours"), ACCOUNT),
    taken("metadata.name"),
    taken("Application.spec.sync.adopt: any", adopt=AdoptPolicy.ANY),
    taken("Application.spec.sync.conflicts: take-over", conflicts=ConflictPolicy.TAKE_OVER),
    *(taken(f"{key}: {value}", annotated(TAKEN, **{key: value})) for key, value in (
        ("flotilla.dev/apply", "merge"), ("flotilla.dev/force", "recreate"), (OWNER, MARK),
        ("flotilla.dev/fence", "r.1"), ("argocd.argoproj.io/sync-options", "Force=true"))),
)  # fmt: skip
OF_ITSELF = {
    "flotilla.dev/placement": "written over with our own, see below",
    "flotilla.dev/prune": "of its own object",
    "flotilla.dev/health": "of its own object",
    "flotilla.dev/wave": "of its own object",
    "flotilla.dev/hook-delete": "of its own hook",
    "flotilla.dev/hook-run": "of its own hook",
    "flotilla.dev/hook-stage": "of its own hook",
    "argocd.argoproj.io/sync-wave": "of its own object",
    "argocd.argoproj.io/hook-delete-policy": "of its own hook",
    "helm.sh/hook-delete-policy": "of its own hook",
    "helm.sh/hook-weight": "of its own object",
    "helm.sh/resource-policy": "of its own object",
}


@pytest.fixture
def kubectl(cluster: ControlPlane) -> Iterator[httpx.Client]:
    """Return a client for what people do by hand, once what is theirs is there."""
    with cluster.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": "theirs"}}).raise_for_status()
        marks = {"annotations": {OWNER: MARK}, "labels": {PLACEMENT_LABEL: THEIRS.mark("acme")}}
        for namespace, name, more in (("theirs", "settings", {}), ("default", "shared", marks)):
            made = {**config_map(name, namespace=namespace), "data": {"of": "theirs"}}
            made["metadata"] = {**made["metadata"], **more}
            client.post(f"/api/v1/namespaces/{namespace}/configmaps", json=made).raise_for_status()
        yield client


@contextmanager
def site(cluster: ControlPlane, account: str) -> Iterator[Site]:
    pool = ClusterPool(Given.of(cluster.kubeconfig()), timedelta(seconds=10))
    connection = pool.connect(cluster.name, server=cluster.server, credentials="clusters/it")
    yield Site(connection.session("flotilla/test (run r.1)", account=account))
    pool.close()


def theirs(kubectl: httpx.Client) -> list[str]:
    """Return the versions of what is theirs: they move with whatever is written."""
    paths = ["/api/v1/namespaces/theirs", MAPS.format("theirs", "settings"), MAPS.format("default", "shared")]
    return [kubectl.get(path).json()["metadata"]["resourceVersion"] for path in paths]


def tried(attack: Attack, cluster: ControlPlane) -> Row:
    with site(cluster, attack.account) as ours:
        ours.settings = attack.settings
        try:
            result = ours.sync(attack.manifest, project=attack.project)
        except PolicyError as error:
            said = error.message.partition("project ours does not allow: ")[2]
            return Row(attack.what, attack.names, "the worker", said)
        assert result.ending is Ending.FAILED
        said = " ".join(dict.fromkeys(filter(None, details(result).values())))
        by = "the cluster" if attack.account != OWN else "the worker"
        return Row(attack.what, attack.names, by, said.partition(". ")[0])


def test_the_page_says_what_comes_of_each(cluster: ControlPlane, kubectl: httpx.Client, hub: StepHub) -> None:
    before = theirs(kubectl)
    rows = [tried(attack, cluster) for attack in ATTACKS]
    assert theirs(kubectl) == before, "nothing of theirs was written"
    assert not kubectl.get(f"/apis/{RBAC}/v1/clusterrolebindings/x").is_success
    page.check("clusters", [*rows, moved(hub), renamed(hub), marked(cluster, kubectl)])


def marked(cluster: ControlPlane, kubectl: httpx.Client) -> Row:
    """Have an object of ours say that it is theirs."""
    manifest = annotated(config_map("mine", namespace="default"), **{OWNER: MARK})
    manifest["metadata"]["labels"] = {PLACEMENT_LABEL: THEIRS.mark("acme")}
    with site(cluster, OWN) as ours:
        assert ours.sync(manifest, project=OURS).ending is Ending.SUCCEEDED
        found = kubectl.get(MAPS.format("default", "mine")).json()["metadata"]
        mine = ObjectId("", "ConfigMap", "default", "mine")
        assert found["annotations"][OWNER] == owner_mark("acme", ours.ref, mine)
        assert found["labels"][PLACEMENT_LABEL] == ours.ref.mark("acme")
    return Row(
        f"{PLACEMENT_LABEL}, {OWNER}", "a placement, on an object of ours", "nobody", "our own marks are written"
    )


def moved(hub: StepHub) -> Row:
    """Have an application say that it is what theirs was."""
    rules = "repos: ['**'], clusters: {all: true}, namespaces: {allow: [web, left], create: true}"
    head = "apiVersion: flotilla.dev/v1\nkind: Project\n"
    hub.declare(
        "eu",
        extra=f"{head}metadata: {{name: theirs}}\nspec: {{paths: [web.yaml, left.yaml], {rules}}}\n---\n"
        f"{head}metadata: {{name: ours}}\nspec: {{paths: [site.yaml, taken.yaml], {rules}}}\n",
    )
    hub.git.commit(APPS, {"web/a.yaml": text_of("web", v="1"), "site/a.yaml": text_of("web", v="2")})
    hub.application("web", more="  project: theirs\n")
    hub.settle()
    document = hub.git.files[REGISTRY.repo]["web.yaml"].replace("name: web", "name: site", 1)
    document = document.replace("path: web", "path: site").replace("project: theirs", "project: ours")
    hub.git.commit(REGISTRY.repo, {"web.yaml": None, "site.yaml": document + "  movedFrom: {application: web}\n"})
    hub.settle()
    (asked,) = hub.approvals()
    assert asked.kind == "move"
    assert (asked.subject, asked.payload["from"]) == ("eu/site", "eu/web")
    assert hub.placement("eu/site").sync != "synced"
    said = "nothing is taken until a person allows just these objects (`flotilla approvals`, kind `move`)"
    return Row("Application.spec.movedFrom.application", "an application that it says it was", "the worker", said)


def renamed(hub: StepHub) -> Row:
    """Have an application of ours bear the name of one that theirs removed, whose objects are kept."""
    hub.git.commit(APPS, {"left/a.yaml": text_of("left", v="1"), "taken/a.yaml": text_of("left", v="2")})
    hub.application("left", more="  project: theirs\n")
    hub.settle()
    document = hub.git.files[REGISTRY.repo]["left.yaml"]
    hub.git.commit(REGISTRY.repo, {"left.yaml": None})
    hub.settle()
    document = document.replace("path: left", "path: taken").replace("project: theirs", "project: ours")
    hub.git.commit(REGISTRY.repo, {"taken.yaml": document})
    hub.settle()
    found = live(hub, "eu", "left", "left")
    assert found is not None
    assert found["data"] == {"v": "1"}
    said = hub.placement("eu/left").reason.partition(";")[0]
    return Row("Application.metadata.name", "an application that was removed and left its objects", "the plan", said)


def test_every_mark_that_the_engine_reads_has_a_decision() -> None:
    rows = {attack.what.partition(":")[0] for attack in ATTACKS} & fields.of_metadata()
    assert fields.decided(fields.of_metadata(), rows, OF_ITSELF) == []
