"""Reading, deleting, validation, discovery and custom kinds: the same on the simulator and on a real API server."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.contract.kube_api.kube import JSON_PATCH, METADATA, METADATA_LIST, Kube, Reply

Json = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _path(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def _map(name: str, **metadata: Any) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"k": "1"}}


def _options(**members: Any) -> Json:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **members}


def _deployment(**spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}
    body = {"selector": {"matchLabels": {"app": "a"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": body}


def _eventually(kube: Kube, path: str, wanted: int) -> Reply:
    deadline = time.monotonic() + 20
    while True:
        reply = kube.get(path)
        if reply.code == wanted or time.monotonic() > deadline:
            assert reply.code == wanted, reply.body
            return reply
        time.sleep(0.05)


def test_version_and_health_answer(kube: Kube) -> None:
    assert kube.get("/version").body["major"] == "1"
    assert kube.get("/readyz").body == {"text": "ok"}
    assert kube.get("/livez").body == {"text": "ok"}


def test_aggregated_discovery_lists_kinds_with_scope_and_verbs(kube: Kube) -> None:
    items = kube.get("/apis", accept=AGGREGATED).body["items"]
    [apps] = [item for item in items if item["metadata"]["name"] == "apps"]
    [deployments] = [each for each in apps["versions"][0]["resources"] if each["resource"] == "deployments"]
    assert deployments["scope"] == "Namespaced"
    # of built-in kinds, group and version stand in the list only
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert {"get", "list", "patch", "delete"} <= set(deployments["verbs"])


def test_classic_discovery_says_what_is_namespaced(kube: Kube) -> None:
    listed = kube.get("/api/v1").body["resources"]
    scopes = {each["name"]: each["namespaced"] for each in listed}
    assert (scopes["configmaps"], scopes["namespaces"]) == (True, False)


def test_an_unknown_token_is_unauthorized(kube: Kube) -> None:
    answer = kube.http.get("/api/v1/namespaces", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_an_unknown_kind_is_not_found(kube: Kube) -> None:
    assert kube.get("/apis/nobody.example.com/v1/things").code == 404


def test_nothing_is_made_in_an_absent_namespace(kube: Kube) -> None:
    refused = kube.create(_path("no-such-place"), _map("a"))
    assert (refused.code, refused.body["message"]) == (404, 'namespaces "no-such-place" not found')


def test_an_object_is_made_once(kube: Kube, namespace: str) -> None:
    assert kube.create(_path(namespace), _map("a")).code == 201
    again = kube.create(_path(namespace), _map("a"))
    assert (again.code, again.body["reason"]) == (409, "AlreadyExists")


def test_a_generated_name_begins_with_its_prefix(kube: Kube, namespace: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "gen-"}}
    assert kube.create(_path(namespace), body).metadata["name"].startswith("gen-")


def test_a_metadata_list_selects_by_label_and_shows_no_data(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a", labels={"x": "1"}))
    kube.create(_path(namespace), _map("b", labels={"x": "2"}))
    found = kube.get(_path(namespace), accept=METADATA_LIST, labelSelector="x=1").body
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    [item] = found["items"]
    assert (item["kind"], item["metadata"]["name"], "data" in item) == ("PartialObjectMetadata", "a", False)


def test_an_empty_metadata_list_has_null_items(kube: Kube, namespace: str) -> None:
    assert kube.get(_path(namespace), accept=METADATA_LIST).body["items"] is None
    assert kube.get(_path(namespace)).body["items"] == []


def test_one_object_can_be_read_as_metadata(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"))
    found = kube.get(_path(namespace, "a"), accept=METADATA).body
    assert (found["kind"], "data" in found) == ("PartialObjectMetadata", False)


def test_a_list_comes_in_pages(kube: Kube, namespace: str) -> None:
    for name in ("a", "b", "c"):
        kube.create(_path(namespace), _map(name))
    first = kube.get(_path(namespace), limit="2").body
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    token = first["metadata"]["continue"]
    rest = kube.get(_path(namespace), limit="2", **{"continue": token}).body
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert not rest["metadata"].get("continue")


def test_a_list_selects_by_name(kube: Kube, namespace: str) -> None:
    for name in ("a", "b"):
        kube.create(_path(namespace), _map(name))
    found = kube.get(_path(namespace), fieldSelector="metadata.name=b").body["items"]
    assert [item["metadata"]["name"] for item in found] == ["b"]


def test_events_are_selected_by_what_they_are_about(kube: Kube, namespace: str) -> None:
    events = f"/api/v1/namespaces/{namespace}/events"
    for name in ("a", "b"):
        about = {"kind": "ConfigMap", "namespace": namespace, "name": name, "uid": f"uid-{name}"}
        event = {"metadata": {"name": name}, "reason": "Tested", "message": name, "involvedObject": about}
        kube.create(events, {"apiVersion": "v1", "kind": "Event", **event})
    found = kube.get(events, fieldSelector="involvedObject.uid=uid-b").body["items"]
    assert [item["message"] for item in found] == ["b"]
    assert kube.get(events, fieldSelector="involvedObject.nonsense=b").code == 400


@pytest.mark.parametrize("pin", ["uid", "resourceVersion"])
def test_a_delete_with_a_wrong_precondition_is_refused(kube: Kube, namespace: str, pin: str) -> None:
    kube.create(_path(namespace), _map("a"))
    wrong = {"uid": "11111111-2222-3333-4444-555555555555", "resourceVersion": "1"}[pin]
    refused = kube.delete(_path(namespace, "a"), _options(preconditions={pin: wrong}))
    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert kube.get(_path(namespace, "a")).code == 200


def test_a_delete_with_the_right_preconditions_goes_through(kube: Kube, namespace: str) -> None:
    made = kube.create(_path(namespace), _map("a"))
    pins = {"uid": made.metadata["uid"], "resourceVersion": made.version}
    gone = kube.delete(_path(namespace, "a"), _options(preconditions=pins))
    assert (gone.code, gone.body["status"]) == (200, "Success")
    assert kube.get(_path(namespace, "a")).code == 404


def test_dry_run_in_the_query_of_a_delete_with_a_body_is_not_heard(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"))
    kube.delete(_path(namespace, "a"), _options(), dryRun="All")
    assert kube.get(_path(namespace, "a")).code == 404


def test_dry_run_in_the_body_of_a_delete_changes_nothing(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"))
    assert kube.delete(_path(namespace, "a"), _options(dryRun=["All"])).code == 200
    assert kube.get(_path(namespace, "a")).code == 200


def test_a_finalizer_holds_an_object_until_it_is_taken_away(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a", finalizers=["example.com/hold"]))
    leaving = kube.delete(_path(namespace, "a"))
    assert "deletionTimestamp" in leaving.metadata
    assert kube.get(_path(namespace, "a")).code == 200
    kube.patch(_path(namespace, "a"), {"metadata": {"finalizers": None}})
    assert kube.get(_path(namespace, "a")).code == 404


def test_a_collection_is_deleted_by_selector(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a", labels={"x": "1"}))
    kube.create(_path(namespace), _map("b"))
    kube.delete(_path(namespace), labelSelector="x=1")
    assert [item["metadata"]["name"] for item in kube.get(_path(namespace)).body["items"]] == ["b"]


def test_a_selector_may_not_change(kube: Kube, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    kube.apply(path, _deployment(), "one")
    template = {"metadata": {"labels": {"app": "b"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}
    other = _deployment(selector={"matchLabels": {"app": "b"}}, template=template)
    refused = kube.apply(path, other, "one")
    assert refused.code == 422
    assert [(cause["field"], cause["message"].endswith("field is immutable")) for cause in refused.causes()] == [
        ("spec.selector", True)
    ]


def test_a_job_template_may_not_change(kube: Kube, namespace: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "a:1"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": pod}}}
    assert kube.apply(f"{path}/j", job, "one").code == 201
    pod["containers"] = [{"name": "c", "image": "a:2"}]
    refused = kube.apply(f"{path}/j", job, "one")
    assert (refused.code, [cause["field"] for cause in refused.causes()]) == (422, ["spec.template"])


def test_a_cluster_address_may_not_change(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/s"
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    kube.apply(path, body, "one")
    refused = kube.patch(path, {"spec": {"clusterIP": "10.0.250.250", "clusterIPs": ["10.0.250.250"]}})
    assert (refused.code, refused.causes()[0]["field"]) == (422, "spec.clusterIPs[0]")


def test_a_missing_selector_is_invalid(kube: Kube, namespace: str) -> None:
    body = _deployment()
    del body["spec"]["selector"]
    refused = kube.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    assert refused.code == 422
    assert "spec.selector" in [cause["field"] for cause in refused.causes()]


def test_strict_validation_refuses_unknown_fields(kube: Kube, namespace: str) -> None:
    body = {**_map("a"), "strange": 1}
    refused = kube.create(_path(namespace), body, fieldValidation="Strict")
    assert (refused.code, 'unknown field "strange"' in refused.body["message"]) == (400, True)
    assert kube.create(_path(namespace), body, fieldValidation="Ignore").code == 201


def test_a_wrong_type_is_a_bad_request(kube: Kube, namespace: str) -> None:
    assert kube.create(_path(namespace), {**_map("a"), "data": {"k": 1}}).code == 400


def test_string_data_of_a_secret_becomes_data(kube: Kube, namespace: str) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "abc"}}
    made = kube.create(f"/api/v1/namespaces/{namespace}/secrets", body)
    assert (made.body["data"], "stringData" in made.body) == ({"k": "YWJj"}, False)


def test_a_failed_test_operation_stops_a_json_patch(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"))
    operations = [{"op": "test", "path": "/data/k", "value": "9"}, {"op": "remove", "path": "/data/k"}]
    assert kube.patch(_path(namespace, "a"), operations, JSON_PATCH).code == 422
    assert kube.get(_path(namespace, "a")).body["data"] == {"k": "1"}


def test_managed_fields_can_be_cleared_and_handed_over(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"), fieldManager="before")
    cleared = kube.patch(_path(namespace, "a"), {"metadata": {"managedFields": [{}]}})
    assert not cleared.metadata.get("managedFields")


def _definition(group: str) -> Json:
    spec = {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [version],
        },
    }


def test_an_applied_definition_is_established_served_and_gone_with_its_instances(kube: Kube, namespace: str) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = f"{DEFINITIONS}/gadgets.{group}"
    assert kube.apply(definition, _definition(group), "one").code == 201
    gadgets = f"/apis/{group}/v1/namespaces/{namespace}/gadgets"
    _eventually(kube, gadgets, 200)
    shown = kube.get(definition).body["status"]["conditions"]
    assert {each["type"]: each["status"] for each in shown}["Established"] == "True"
    body = {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {}}
    made = kube.apply(f"{gadgets}/g", body, "one")
    assert (made.code, made.body["spec"]) == (201, {"size": 3})
    kube.delete(definition)
    _eventually(kube, definition, 404)
    _eventually(kube, gadgets, 404)
