"""What is refused for want of what the same run brings is judged again; what nothing explains is refused at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import DeniedError, ForbiddenError, InvalidError, NotFoundError, UnauthorisedError
from workers.sync.objects.groups import built_in
from workers.sync.objects.live import Kind
from workers.sync.ports import Target
from workers.sync.requests import Phase
from workers.sync.results import Ending

RBAC = "rbac.authorization.k8s.io"
ROLE = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "app"}, "rules": [{"verbs": ["get"]}]}
BINDING = {
    "apiVersion": f"{RBAC}/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "app"},
    "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "app"},
}
CLASS = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}


def pod(name: str = "app") -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"priorityClassName": "high"}}


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    for kind in (
        Kind(RBAC, "v1", "Role", "roles", namespaced=True),
        Kind(RBAC, "v1", "RoleBinding", "rolebindings", namespaced=True),
        Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False),
    ):
        cluster.kinds[kind.group, kind.kind] = kind
    return cluster


def refusing(cluster: FakeCluster, kind: str, error: Exception, *, until: Callable[[], bool] = bool) -> None:
    """Have dry-runs and writes of one kind refused until something is so."""

    def before(verb: str, target: Target) -> None:
        if verb in {"dry-run", "apply"} and target.kind.kind == kind and not until():
            raise error

    cluster.before = before


def has(cluster: FakeCluster, kind: str) -> Callable[[], bool]:
    return lambda: bool(cluster.names(kind))


NO_ROLE = NotFoundError('dry-run /apis/x/rolebindings/app: rolebindings.rbac.authorization.k8s.io "app" not found')
NO_CLASS = ForbiddenError('dry-run /p: pods "app" is forbidden: no PriorityClass with name high was found')


def test_a_binding_goes_in_with_its_role(site: Site, cluster: FakeCluster) -> None:
    refusing(cluster, "RoleBinding", NO_ROLE, until=has(cluster, "Role"))
    result = site.sync(BINDING, config_map(), ROLE)
    assert result.ending is Ending.SUCCEEDED
    assert actions(result) == {"RoleBinding/app": "created", "ConfigMap/settings": "created", "Role/app": "created"}
    planned = {str(change.object): change.action.value for change in site.journal.planned}
    assert planned[f"{RBAC}/RoleBinding:default/app"] == "created", "it is written down before the first write"


def test_a_check_says_what_could_not_be_checked_yet_and_after_what_it_is(site: Site, cluster: FakeCluster) -> None:
    refusing(cluster, "RoleBinding", NO_ROLE, until=has(cluster, "Role"))
    result = site.sync(BINDING, ROLE, phase=Phase.CHECK)
    assert details(result)["RoleBinding/app"] == f"not checked yet: {RBAC}/Role:default/app comes first"
    assert not cluster.names("Role")


def test_one_that_is_still_refused_fails_then_with_the_clusters_words(site: Site, cluster: FakeCluster) -> None:
    refusing(cluster, "Pod", NO_CLASS)
    result = site.sync(pod(), CLASS, config_map())
    assert result.ending is Ending.FAILED
    assert actions(result) == {
        "Pod/app": "failed",
        "PriorityClass/high": "created",
        "ConfigMap/settings": "created",
    }
    assert details(result)["Pod/app"] == str(NO_CLASS)
    assert result.error_code == "cluster.forbidden"


def test_what_the_cluster_admits_by_a_moment_later_is_waited_for_and_no_longer_than_seconds_in_all(
    site: Site, cluster: FakeCluster
) -> None:
    refusing(cluster, "Pod", NO_CLASS, until=lambda: site.clock.monotonic() >= 2)
    assert site.sync(pod(), CLASS).ending is Ending.SUCCEEDED
    before = site.clock.monotonic()
    refusing(cluster, "Pod", NO_CLASS)
    site.sync(CLASS | {"value": 2}, pod(), *(pod(f"p{number}") for number in range(20)))
    assert site.clock.monotonic() - before < 7


@pytest.mark.parametrize(
    ("error", "others"),
    [
        (NO_CLASS, [config_map("app"), config_map("high2")]),
        (ForbiddenError('dry-run /p: pods "app" is forbidden: User "x" cannot patch'), [CLASS, config_map("x")]),
        (InvalidError('dry-run /p: Pod "app" is invalid: spec: high'), [CLASS]),
        (DeniedError("dry-run /p: admission webhook denied the request: app", by="it"), [config_map("app"), ROLE]),
        (NO_CLASS, [annotated(CLASS, flotilla_wave="1")]),
        (NO_CLASS, [deployment("high")]),
    ],
)
def test_what_nothing_before_it_explains_is_refused_before_any_write(
    site: Site, cluster: FakeCluster, error: Exception, others: list[dict[str, object]]
) -> None:
    refusing(cluster, "Pod", error)
    before = cluster.snapshot()
    result = site.sync(pod(), *others)
    assert result.ending is Ending.FAILED
    assert actions(result) == {"Pod/app": "failed"}
    assert sentence(result.reason).find("nothing was written") >= 0
    assert cluster.snapshot() == before


def test_what_is_refused_beside_it_still_keeps_the_wave_back(site: Site, cluster: FakeCluster) -> None:
    def before(verb: str, target: Target) -> None:
        if verb == "dry-run" and target.kind.kind in {"Pod", "ConfigMap"}:
            raise NO_CLASS if target.kind.kind == "Pod" else InvalidError("dry-run /c: no")

    cluster.before = before
    assert actions(site.sync(pod(), CLASS, config_map())) == {"ConfigMap/settings": "failed"}
    assert not cluster.names("PriorityClass")


def test_what_an_earlier_wave_has_written_may_explain_it_too(site: Site, cluster: FakeCluster) -> None:
    refusing(cluster, "Pod", NO_CLASS, until=lambda: site.clock.monotonic() >= 1)
    result = site.sync(annotated(CLASS, flotilla_wave="-1"), pod())
    assert result.ending is Ending.SUCCEEDED, "the API server has learnt of it in the meantime"


def test_a_policy_is_known_by_the_name_of_its_webhook(site: Site, cluster: FakeCluster) -> None:
    kind = Kind("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "v", namespaced=False)
    cluster.kinds[kind.group, kind.kind] = kind
    guard = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "guard", "annotations": {"flotilla.dev/wave": "-1"}},
        "webhooks": [{"name": "pods.example.com"}],
    }
    said = 'dry-run /p: admission webhook "pods.example.com" denied the request: no'
    refusing(
        cluster, "Pod", DeniedError(said, by='admission webhook "pods.example.com"'),
        until=lambda: site.clock.monotonic() >= 1,
    )  # fmt: skip
    assert site.sync(guard, pod()).ending is Ending.SUCCEEDED


def test_an_account_that_is_not_known_ends_the_attempt(site: Site, cluster: FakeCluster) -> None:
    calls: list[str] = []

    def before(verb: str, target: Target) -> None:
        if target.kind.kind == "Pod" and verb == "dry-run":
            calls.append(verb)
            raise NO_CLASS if len(calls) == 1 else UnauthorisedError("who?")

    cluster.before = before
    with pytest.raises(UnauthorisedError):
        site.sync(pod(), CLASS)


def test_groups_that_others_bring_are_told_from_those_of_the_api_server() -> None:
    own = ("", "apps", "batch", RBAC)
    others = ("example.com", "gateway.networking.k8s.io", "metrics.k8s.io", "snapshot.storage.k8s.io")
    assert [built_in(group) for group in (*own, *others)] == [True] * 4 + [False] * 4
    assert ObjectId.parse("/Pod:default/app").group == ""
