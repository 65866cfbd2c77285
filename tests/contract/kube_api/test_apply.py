"""Server-side apply: the same rules on the simulator and on a real API server."""

from __future__ import annotations

from typing import Any

from tests.contract.kube_api.kube import MERGE, Kube

Json = dict[str, Any]


def _path(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def _map(name: str, data: Json, **metadata: Any) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def _service(name: str, ports: list[Json]) -> Json:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}}


def _deployment(name: str, **spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}
    body = {"selector": {"matchLabels": {"app": "a"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def test_an_apply_creates_with_201_and_changes_with_200(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    assert kube.apply(path, _map("a", {"k": "1"}), "one").code == 201
    assert kube.apply(path, _map("a", {"k": "2"}), "one").code == 200


def test_applying_the_same_again_keeps_the_resource_version(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    first = kube.apply(path, _map("a", {"k": "1"}), "one")
    assert kube.apply(path, _map("a", {"k": "1"}), "one").version == first.version


def test_a_dry_run_answers_as_the_write_would_and_changes_nothing(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    assert kube.apply(path, _map("a", {"k": "1"}), "one", dryRun="All").code == 201
    assert kube.get(path).code == 404
    kube.apply(path, _map("a", {"k": "1"}), "one")
    dry = kube.apply(path, _map("a", {"k": "2"}), "one", dryRun="All")
    assert (dry.code, dry.body["data"]) == (200, {"k": "2"})
    assert kube.get(path).body["data"] == {"k": "1"}


def test_a_field_of_another_manager_is_a_conflict_that_names_field_and_manager(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    kube.apply(path, _map("a", {"k": "1"}), "one")
    refused = kube.apply(path, _map("a", {"k": "2"}), "two")
    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.k'
    assert refused.causes() == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.k"}
    ]


def test_a_field_last_written_by_an_update_conflicts_with_its_api_version(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    kube.apply(path, _map("a", {"k": "1"}), "one")
    kube.patch(path, {"data": {"k": "3"}}, MERGE, fieldManager="hand")
    refused = kube.apply(path, _map("a", {"k": "1"}), "one")
    assert [cause["message"] for cause in refused.causes()] == ['conflict with "hand" using v1']


def test_force_takes_the_field(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    kube.apply(path, _map("a", {"k": "1"}), "one")
    taken = kube.apply(path, _map("a", {"k": "2"}), "two", force="true")
    assert taken.body["data"] == {"k": "2"}
    assert [entry["manager"] for entry in taken.metadata["managedFields"]] == ["two"]


def test_a_dropped_field_goes_away_unless_shared(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    kube.apply(path, _map("a", {"mine": "1", "ours": "1"}), "one")
    kube.apply(path, _map("a", {"ours": "1"}), "two")
    assert kube.apply(path, _map("a", {}), "one").body["data"] == {"ours": "1"}


def test_ports_merge_by_port_and_protocol(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/s"
    kube.apply(path, _service("s", [{"name": "a", "port": 80}]), "one")
    kube.apply(path, _service("s", [{"name": "b", "port": 80, "protocol": "UDP"}]), "two")
    ports = kube.get(path).body["spec"]["ports"]
    assert sorted((port["name"], port["protocol"]) for port in ports) == [("a", "TCP"), ("b", "UDP")]


def test_atomic_lists_are_replaced(kube: Kube, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    first = _deployment("d")
    first["spec"]["template"]["spec"]["containers"][0]["args"] = ["a", "b"]
    kube.apply(path, first, "one")
    first["spec"]["template"]["spec"]["containers"][0]["args"] = ["c"]
    changed = kube.apply(path, first, "one")
    assert changed.body["spec"]["template"]["spec"]["containers"][0]["args"] == ["c"]


def test_the_generation_counts_changes_of_the_spec_only(kube: Kube, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    kube.apply(path, _deployment("d"), "one")
    labelled = _deployment("d")
    labelled["metadata"]["labels"] = {"x": "y"}
    assert kube.apply(path, labelled, "one").metadata["generation"] == 1
    assert kube.apply(path, _deployment("d", replicas=3), "one").metadata["generation"] == 2


def test_status_is_out_of_reach_of_the_main_endpoint(kube: Kube, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    kube.apply(path, {**_deployment("d"), "status": {"replicas": 7}}, "one")
    assert "replicas" not in kube.get(path).body["status"]
    changed = kube.patch(f"{path}/status", {"status": {"replicas": 7}}, MERGE, fieldManager="controller")
    assert changed.body["status"]["replicas"] == 7
    assert [entry.get("subresource") for entry in changed.metadata["managedFields"]] == [None, "status"]


def test_a_stale_resource_version_is_a_conflict_without_causes(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    first = kube.apply(path, _map("a", {"k": "1"}), "one")
    kube.apply(path, _map("a", {"k": "2"}), "one")
    late = kube.apply(path, _map("a", {"k": "3"}, resourceVersion=first.version), "one", force="true")
    assert (late.code, late.causes()) == (409, [])
    assert "the object has been modified" in late.body["message"]


def test_a_resource_version_does_not_keep_an_absent_object_from_being_created(kube: Kube, namespace: str) -> None:
    made = kube.apply(_path(namespace, "a"), _map("a", {}, resourceVersion="5"), "one")
    assert made.code == 201


def test_a_uid_keeps_an_absent_object_from_being_created(kube: Kube, namespace: str) -> None:
    refused = kube.apply(_path(namespace, "a"), _map("a", {}, uid="11111111-2222-3333-4444-555555555555"), "one")
    assert (refused.code, "uid mismatch" in refused.body["message"]) == (409, True)
    assert kube.get(_path(namespace, "a")).code == 404


def test_another_uid_than_the_live_one_is_invalid(kube: Kube, namespace: str) -> None:
    path = _path(namespace, "a")
    kube.apply(path, _map("a", {}), "one")
    refused = kube.apply(path, _map("a", {}, uid="11111111-2222-3333-4444-555555555555"), "one", force="true")
    assert (refused.code, [cause["field"] for cause in refused.causes()]) == (422, ["metadata.uid"])


def test_an_unknown_field_is_refused(kube: Kube, namespace: str) -> None:
    refused = kube.apply(_path(namespace, "a"), {**_map("a", {}), "strange": 1}, "one")
    assert (refused.code, "field not declared in schema" in refused.body["message"]) == (500, True)


def test_an_apply_needs_a_field_manager(kube: Kube, namespace: str) -> None:
    refused = kube.request("PATCH", _path(namespace, "a"), _map("a", {}), content_type="application/apply-patch+yaml")
    assert refused.code == 422
