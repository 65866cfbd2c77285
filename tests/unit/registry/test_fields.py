"""Every field that is carried out arrives in the domain, and its default is the documented one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.fleet import (
    AdoptPolicy,
    Amount,
    ApplicationState,
    ClusterState,
    ConflictPolicy,
    Fleet,
    FleetRole,
    GitSource,
    IgnoreRule,
    LeavingBounds,
    OnBreach,
    OnNewRevision,
    OnUnmatch,
    Proxy,
    PrunePolicy,
    Ref,
    RefKind,
    Role,
    Substitution,
    SyncMode,
    Unit,
    Unreachable,
)
from common.domain.rights import BuiltInRole, Verb
from common.domain.runs import RetryPolicy
from common.registry import parse, read_directory
from tests.harness.texts import application, in_order, parsed, project, registry

EXAMPLES = Path(__file__).parents[3] / "examples" / "fleet"


@pytest.fixture(scope="module", name="fleet")
def _fleet() -> Fleet:
    found = parse(read_directory(EXAMPLES)[0]).fleet
    assert found is not None
    return found


def test_the_fleets_own_fields(fleet: Fleet) -> None:
    assert fleet.name == "acme"
    assert fleet.vocabulary["env"] == frozenset({"dev", "staging", "prod"})
    assert fleet.vocabulary["wave"] is None
    assert fleet.leaving == LeavingBounds(10, 5)
    assert fleet.prune_budget == 100
    assert fleet.roles[1] == FleetRole(BuiltInRole.OPERATOR, ("platform-on-call",))
    assert fleet.projects["team-pay"].roles[0] == Role(
        "developer", ("team-pay",), (Verb.LOGS, Verb.SYNC, Verb.ROLLBACK)
    )


def test_bounds_of_the_fleet_are_taken_as_written() -> None:
    files = registry()
    files["fleet.yaml"] += (
        "  leaving: {maxPlacements: 3, maxPercent: 4}\n  pruneBudget: {maxObjects: 7}\n"
        "  defaults: {interval: 7m, prune: {enabled: false, maxObjects: 1, maxPercent: 2}}\n"
    )
    found = in_order({**files, "a.yaml": application()}).fleet
    assert found is not None
    assert (found.leaving, found.prune_budget) == (LeavingBounds(3, 4), 7)
    assert found.applications["pay"].interval == timedelta(minutes=7)
    assert found.applications["pay"].sync.prune == PrunePolicy(enabled=False, max_objects=1, max_percent=2)


def test_an_applications_prune_settings_lie_over_the_fleets_one_by_one() -> None:
    files = registry(a=application(more="  sync: {prune: {maxObjects: 50}}\n"))
    files["fleet.yaml"] += "  defaults: {prune: {enabled: false, maxPercent: 2}}\n"
    found = in_order(files).fleet
    assert found is not None
    assert found.applications["pay"].sync.prune == PrunePolicy(enabled=False, max_objects=50, max_percent=2)


def test_a_clusters_fields(fleet: Fleet) -> None:
    cluster = fleet.clusters["eu-prod-03"]
    assert cluster.server == "https://eu-prod-03.example.com:6443"
    assert cluster.credentials == "clusters/eu-prod-03"
    assert cluster.labels == {"env": "prod", "region": "eu", "wave": "europe"}
    assert (cluster.pool, cluster.max_concurrent, cluster.state) == ("eu", 4, ClusterState.ACTIVE)
    assert cluster.vars == {"domain": "eu3.example.com", "accountId": "1234"}
    assert cluster.proxy == Proxy("socks5://bastion.eu.example.com:1080", "proxies/eu")
    assert str(cluster.where) == "clusters/eu.yaml:1"
    assert fleet.clusters["us-prod-02"].state is ClusterState.FROZEN


def test_a_clusters_defaults(fleet: Fleet) -> None:
    cluster = fleet.clusters["eu-staging-01"]
    assert (cluster.pool, cluster.max_concurrent, cluster.state) == ("default", 4, ClusterState.ACTIVE)
    assert cluster.proxy is None


def test_a_clusters_pool_and_concurrency_are_taken_as_written() -> None:
    files = registry()
    files["clusters.yaml"] = files["clusters.yaml"].replace("c1}}", "c1}, pool: eu, maxConcurrent: 9}", 1)
    found = in_order(files).fleet
    assert found is not None
    assert (found.clusters["c1"].pool, found.clusters["c1"].max_concurrent) == ("eu", 9)


def test_an_applications_fields(fleet: Fleet) -> None:
    found = fleet.applications["ingress"]
    assert found.project == "platform"
    assert found.labels == {"team": "platform"}
    assert found.interval == timedelta(minutes=10)
    assert found.sources == (
        GitSource(
            "ssh://git@git.example.com/platform/addons.git", Ref(RefKind.TAG, "v4.2.0"), "ingress", "git/platform"
        ),
    )
    assert found.render is not None
    assert (found.render.renderer, found.render.options) == ("plain", {})
    assert (found.substitute, found.namespace, found.create_namespace) == (Substitution(), "ingress", True)
    assert found.on_unmatch is OnUnmatch.DELETE
    assert found.sync.deadline == timedelta(minutes=15)
    assert found.sync.retry == RetryPolicy(5, timedelta(seconds=5), 2.0, timedelta(minutes=3))
    assert found.sync.prune == PrunePolicy(enabled=True, max_objects=50, max_percent=20)
    assert found.sync.ignore == (
        IgnoreRule("Deployment", ("/spec/replicas",), "apps", "ingress", "controller"),
        IgnoreRule("ConfigMap", ("/data/generated",)),
        IgnoreRule("ValidatingWebhookConfiguration", managers=("cainjector",)),
    )


def test_modes_and_policies_are_taken_as_written(fleet: Fleet) -> None:
    watched, asked = fleet.applications["monitoring"].sync, fleet.applications["debug-tools"].sync
    assert (watched.mode, watched.adopt, watched.conflicts, watched.prune.enabled) == (
        SyncMode.WARN,
        AdoptPolicy.ANY,
        ConflictPolicy.TAKE_OVER,
        False,
    )
    assert (asked.mode, asked.adopt, asked.conflicts) == (SyncMode.MANUAL, AdoptPolicy.NEVER, ConflictPolicy.FAIL)
    assert fleet.applications["old-payments"].state is ApplicationState.RETIRED


def test_render_options_arrive_with_the_registrys_keys(fleet: Fleet) -> None:
    shop, notes = fleet.applications["shop"].render, fleet.applications["notes"].render
    assert shop is not None
    assert notes is not None
    assert shop.renderer == "kustomize"
    assert shop.options == {
        "images": ["shop=registry.example.com/pay/shop:v2"],
        "patches": [
            {
                "patch": "- {op: replace, path: /spec/replicas, value: 3}\n",
                "target": {"kind": "Deployment", "name": "shop"},
                "options": {"allowNameChange": False},
            }
        ],
        "components": ["components/tls"],
        "namePrefix": "pay-",
        "nameSuffix": "-v2",
    }
    assert notes.options == {"include": ["manifests/**"], "exclude": ["**/draft-*"]}


def test_an_applications_defaults() -> None:
    fleet = in_order(registry(a=application())).fleet
    assert fleet is not None
    found = fleet.applications["pay"]
    assert (found.project, found.state, found.interval) == ("default", ApplicationState.ACTIVE, timedelta(minutes=5))
    assert (found.source.path, found.source.credentials, found.render) == (".", "", None)
    assert (found.substitute, found.create_namespace, found.on_unmatch) == (None, False, OnUnmatch.RETAIN)
    assert found.sync.mode is SyncMode.ENFORCE
    assert found.sync.deadline == timedelta(minutes=15)
    assert found.sync.retry == RetryPolicy()
    assert (found.sync.adopt, found.sync.conflicts) == (AdoptPolicy.UNOWNED, ConflictPolicy.FAIL)
    assert found.sync.prune == PrunePolicy(enabled=True, max_objects=20, max_percent=30)
    assert (found.strategy, found.blocked, found.held) == ("", "", None)


def test_paths_of_sources_are_normalised() -> None:
    for given, expected in (("./a//b/", "a/b"), (".", "."), ("a/./b", "a/b")):
        app = application().replace("ref: {", f"path: {given}, ref: {{")
        fleet = in_order(registry(a=app)).fleet
        assert fleet is not None
        assert fleet.applications["pay"].source.path == expected


def test_a_projects_fields(fleet: Fleet) -> None:
    found = fleet.projects["team-pay"]
    assert found.allows_file("teams/pay/x/y.yaml")
    assert not found.allows_file("teams/payroll/x.yaml")
    assert found.allows_repo("https://git.example.com/pay/deploy.git")
    assert not found.allows_repo("https://git.example.com/pay/../platform/x.git")
    assert found.allows_cluster({"env": "prod"})
    assert not found.allows_cluster({"env": "dev"})
    assert found.allows_namespace("payments-eu")
    assert not found.allows_namespace("kube-system")
    assert not found.allows_kind("", "Namespace")
    assert not found.allows_kind("rbac.authorization.k8s.io", "Role")
    assert found.allows_kind("apps", "Deployment")
    assert not found.allows_cluster_kind("rbac.authorization.k8s.io", "ClusterRole")
    assert found.allows_rights("rbac.authorization.k8s.io", "Role"), "the cluster decides, by its service account"
    everything = fleet.projects["platform"]
    assert everything.allows_cluster_kind("", "PersistentVolume")
    assert everything.allows_rights("rbac.authorization.k8s.io", "Role")
    assert found.allows_credentials("git/team-pay")
    assert not found.allows_credentials("git/platform")
    assert not found.create_namespaces
    assert found.channels[0].url_ref == "notify/pay-slack"


def test_a_project_without_rules_allows_nothing_but_kinds_in_namespaces() -> None:
    text = "kind: Project\nmetadata: {name: bare}\nspec: {clusterKinds: {}}\n"
    fleet = in_order(registry(p=text, q=project())).fleet
    assert fleet is not None
    bare = fleet.projects["bare"]
    assert not bare.allows_file("x.yaml")
    assert not bare.allows_repo("https://x")
    assert not bare.allows_cluster({})
    assert not bare.allows_namespace("x")
    assert not bare.allows_credentials("x")
    assert bare.allows_kind("", "Namespace")
    assert not bare.allows_cluster_kind("", "Namespace")
    assert not bare.allows_cluster_kind("", "PersistentVolume")
    assert not bare.allows_rights("rbac.authorization.k8s.io", "Role")
    assert bare.allows_rights("apps", "Deployment")


def test_a_strategys_and_a_windows_fields() -> None:
    strategy = (
        "kind: RolloutStrategy\nmetadata: {name: waves}\nspec:\n  unreachable: block\n  onBreach: rollbackAll\n"
        "  onNewRevision: queue\n  waves:\n"
        "    - {name: one, select: {all: true}, maxConcurrent: 5, maxFailures: 2%, deadline: 1h, soak: 30m,\n"
        "       windows: [hours], allowEmpty: true}\n    - {name: two, remaining: true}\n"
    )
    window = (
        "kind: SyncWindow\nmetadata: {name: hours}\nspec:\n  manual: true\n"
        "  deny: [{cron: '0 0 * * 0,6', duration: 1d}]\n"
    )
    fleet = in_order(registry(s=strategy, w=window)).fleet
    assert fleet is not None
    found = fleet.strategies["waves"]
    assert (found.unreachable, found.on_breach) == (Unreachable.BLOCK, OnBreach.ROLLBACK_ALL)
    assert found.on_new_revision is OnNewRevision.QUEUE
    one, two = found.waves
    assert (one.max_concurrent, one.max_failures) == (Amount(5), Amount(2, Unit.PERCENT))
    assert (one.deadline, one.soak, one.windows) == (timedelta(hours=1), timedelta(minutes=30), ("hours",))
    assert one.allow_empty
    assert (two.select, two.soak, two.max_concurrent) == (None, timedelta(0), Amount(20, Unit.PERCENT))
    deny = fleet.windows["hours"].deny[0]
    assert fleet.windows["hours"].manual
    assert (deny.cron, deny.duration, deny.time_zone) == ("0 0 * * 0,6", timedelta(days=1), "UTC")


def test_health_rules_are_compiled_when_they_are_read() -> None:
    rule = "  health:\n    - kind: Box\n      healthy: \"self.status.state == 'open'\"\n"
    found = in_order(registry(app=application(more=rule))).fleet
    assert found is not None
    assert [one.healthy for one in found.applications["pay"].health] == ["self.status.state == 'open'"]
    bad = rule.replace("== 'open'", "==")
    (fault,) = parsed(registry(app=application(more=bad))).faults
    assert (fault.file, fault.line) == ("app.yaml", 9)
    assert "not a CEL expression" in fault.what
    assert "called self" in fault.remedy


def test_a_range_of_versions_is_read_in_one_spelling() -> None:
    for text in ("'>=1.8 <2'", "'>= 1.8, < 2'"):
        app = application().replace("ref: {branch: main}", f"ref: {{semver: {text}}}")
        found = in_order(registry(app=app)).fleet
        assert found is not None
        assert found.applications["pay"].source.to_resolve.text == "semver:>=1.8 <2"
    bad = application().replace("ref: {branch: main}", "ref: {semver: newest}")
    (fault,) = parsed(registry(app=bad)).faults
    assert (fault.file, fault.line) == ("app.yaml", 4)
    assert "no range of versions" in fault.what
