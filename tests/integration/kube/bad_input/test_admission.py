"""Admission webhooks that refuse, hang, break, take no dry-runs or change objects, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from common.domain.refs import PlacementRef
from tests.controlplane.etcd import Keys
from tests.controlplane.fixtures import Resettable
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, actions, config_map, details
from tests.harness.hands import MAPS, edit, show
from tests.harness.webhooks import ASKED, NAME, Reviewer, asked, in_force, tried, webhook
from workers.sync.errors import ServerError
from workers.sync.requests import DryRuns
from workers.sync.results import Ending

MUTATING = "MutatingWebhookConfiguration"
BANK = PlacementRef("alpha", "bank")


def names(kubectl: httpx.Client) -> set[str]:
    """Return the names of the ConfigMaps of the placements."""
    return {item["metadata"]["name"] for item in show(kubectl, MAPS)["items"]} - {"kube-root-ca.crt"}


@pytest.mark.parametrize("code", [0, 401, 403, 404, 409, 410, 429])
def test_what_a_webhook_refuses_is_told_whatever_code_it_chose_and_nothing_of_the_wave_is_written(
    site: Site, kubectl: httpx.Client, reviewer: Reviewer, code: int
) -> None:
    site.sync(asked("kept", v="1"), config_map("fine", v="1"))
    reviewer.refuse("v must be 1", **({"code": code} if code else {}))
    with webhook(kubectl, reviewer):
        result = site.sync(asked("kept", v="2"), asked("new", v="2"), config_map("fine", v="2"))
        assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED, "others go on"
    assert (result.ending, result.error_code) == (Ending.FAILED, "cluster.denied")
    assert actions(result) == {"ConfigMap/kept": "failed", "ConfigMap/new": "failed"}
    for name in ("kept", "new"):
        said = details(result)[f"ConfigMap/{name}"]
        assert f'configmaps/{name}: admission webhook "{NAME}" denied the request: v must be 1' in said
        assert f'Change the object as admission webhook "{NAME}" asks' in said
    assert names(kubectl) == {"kept", "fine", "bank"}
    assert show(kubectl, f"{MAPS}/fine")["data"] == {"v": "1"}
    assert site.sync(asked("kept", v="2"), asked("new", v="2"), config_map("fine", v="2")).ending is Ending.SUCCEEDED


def test_a_refused_object_does_not_let_anything_be_pruned(
    site: Site, kubectl: httpx.Client, reviewer: Reviewer
) -> None:
    site.sync(config_map("old"))
    reviewer.refuse("no")
    with webhook(kubectl, reviewer):
        assert site.sync(asked("new")).ending is Ending.FAILED
    assert names(kubectl) == {"old"}


def test_a_webhook_that_quotes_a_secret_is_named_and_not_quoted(
    site: Site, kubectl: httpx.Client, reviewer: Reviewer
) -> None:
    reviewer.refuse("aHVudGVyMg== is too short")
    metadata = {"name": "login", "labels": ASKED}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "aHVudGVyMg=="}}
    with webhook(kubectl, reviewer):
        result = site.sync(secret)
    assert actions(result) == {"Secret/login": "failed"}
    assert f'admission webhook "{NAME}" refused the Secret' in details(result)["Secret/login"]
    assert "aHVudGVyMg==" not in f"{result}"


@pytest.fixture
def policy(kubectl: httpx.Client) -> Iterator[str]:
    """Return the name of a policy of the cluster in force that refuses what the webhook is asked about elsewhere."""
    api, name = "/apis/admissionregistration.k8s.io/v1", "never"
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule], "objectSelector": {"matchLabels": ASKED}},
        "validations": [{"expression": "false", "message": "not here", "reason": "Forbidden"}],
    }
    bound = {"policyName": name, "validationActions": ["Deny"]}
    for plural, body in (("validatingadmissionpolicies", spec), ("validatingadmissionpolicybindings", bound)):
        kubectl.post(f"{api}/{plural}", json={"metadata": {"name": name}, "spec": body}).raise_for_status()
    in_force(lambda: tried(kubectl).is_error)
    yield name
    kubectl.delete(f"{api}/validatingadmissionpolicybindings/{name}").raise_for_status()
    in_force(lambda: tried(kubectl).is_success)


def test_a_policy_of_the_cluster_that_refuses_is_named(site: Site, policy: str) -> None:
    result = site.sync(asked("new"), config_map("fine"))
    assert (result.error_code, actions(result)) == ("cluster.denied", {"ConfigMap/new": "failed"})
    assert f"Change the object as ValidatingAdmissionPolicy '{policy}' asks" in details(result)["ConfigMap/new"]


@pytest.mark.parametrize("fault", ["silent", "error", "says it broke", "gone"])
def test_a_webhook_that_does_not_decide_ends_the_attempt_for_another_one_and_says_what_to_look_at(
    site: Site, kubectl: httpx.Client, reviewer: Reviewer, fault: str
) -> None:
    site.sync(asked("kept", v="1"), config_map("old"))
    match fault:
        case "silent":
            reviewer.silent = True
        case "error":
            reviewer.status = 500
        case "says it broke":
            reviewer.refuse("no connection to my database", code=500)
    gone: dict[str, Any] = {"clientConfig": {"url": "https://127.0.0.1:9/review"}} if fault == "gone" else {}
    with webhook(kubectl, reviewer, timeoutSeconds=1, **gone):
        with pytest.raises(ServerError, match=rf'configmaps/kept: .*webhook "{NAME}".*See whether what is behind'):
            site.sync(asked("kept", v="2"), config_map("new"))
        assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED, "others go on"
        assert names(kubectl) == {"kept", "old", "bank"}, "nothing was written, nothing pruned"
    result = site.sync(asked("kept", v="2"), config_map("new"))
    assert actions(result) == {
        "ConfigMap/kept": "configured",
        "ConfigMap/new": "created",
        "ConfigMap/old": "pruned",
    }, "once it decides again, nothing was lost"


@pytest.fixture
def without_dry_run(
    kubectl: httpx.Client, reviewer: Reviewer, cluster: ControlPlane, control_planes: Resettable
) -> Iterator[Reviewer]:
    """Return a webhook in force that has side effects.

    Today's API servers take no such configuration any more, but go on with those that they took before: so it is
    written behind this one.
    """

    def before(configuration: dict[str, object]) -> None:
        keys = Keys(control_planes.planes.etcd_url, f"/{cluster.name}/")
        text = json.dumps(configuration).replace('"sideEffects": "None"', '"sideEffects": "Some"')
        keys.put({f"/{cluster.name}/validatingwebhookconfigurations/{NAME}".encode(): text.encode()})
        keys.close()
        in_force(lambda: "does not support dry run" in tried(kubectl).text)

    with webhook(kubectl, reviewer, meanwhile=before):
        yield reviewer


def test_what_a_webhook_without_dry_runs_guards_is_written_and_reported_not_checked(
    site: Site, kubectl: httpx.Client, without_dry_run: Reviewer
) -> None:
    created = site.sync(asked("new", v="1"), config_map("fine"))
    assert actions(created) == {"ConfigMap/new": "created", "ConfigMap/fine": "created"}
    assert details(created)["ConfigMap/new"].startswith("not checked: ")
    assert "does not support dry run" in details(created)["ConfigMap/new"]
    assert details(created)["ConfigMap/fine"] == ""
    again = site.sync(asked("new", v="1"), config_map("fine"))
    assert set(actions(again).values()) == {"unchanged"}
    edit(kubectl, f"{MAPS}/new", {"data": {"v": "2"}})
    healed = details(site.sync(asked("new", v="1"), config_map("fine")))["ConfigMap/new"]
    assert healed.startswith("not checked: ")
    assert healed.endswith("reclaimed from kubectl-edit")
    without_dry_run.refuse("not any more")
    refused = site.sync(asked("new", v="3"), config_map("fine", v="3"))
    assert actions(refused) == {"ConfigMap/new": "failed", "ConfigMap/fine": "configured"}
    assert show(kubectl, f"{MAPS}/new")["data"] == {"v": "1"}


@pytest.mark.parametrize("path", ["/data/added", "/data/v", "/metadata/annotations/added"])
def test_what_a_webhook_changes_is_no_drift(site: Site, kubectl: httpx.Client, reviewer: Reviewer, path: str) -> None:
    reviewer.change({"op": "add", "path": path, "value": "theirs"})
    with webhook(kubectl, reviewer, MUTATING):
        assert actions(site.sync(asked("new", v="1"))) == {"ConfigMap/new": "created"}
        for asked_for in DryRuns:
            again = site.sync(asked("new", v="1"), dry_runs=asked_for)
            assert (actions(again), again.refreshed) == ({"ConfigMap/new": "unchanged"}, int(asked_for is DryRuns.ALL))
        assert "theirs" in f"{show(kubectl, f'{MAPS}/new')}"
        # A change of ours is still seen, and one of theirs that the webhook undoes is none.
        assert actions(site.sync(asked("new", v="1", w="2"))) == {"ConfigMap/new": "configured"}
    assert show(kubectl, f"{MAPS}/new")["data"]["w"] == "2"
