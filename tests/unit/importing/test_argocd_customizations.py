"""What an ``argocd-cm`` says of kinds: scripts of health as HealthRules, ignored fields into each application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from common.yaml import dump, dump_all
from console.importing import Imported, NothingToImportError, from_argocd

SCRIPT = 'if obj.status ~= nil then\n  return {status = "Healthy"}\nend\nreturn {status = "Progressing"}\n'
APPLICATION = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "web"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://git.example.com/web.git", "path": "web", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
        "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
    },
}


def config(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data}


def keyed(data: Mapping[str, Any]) -> dict[str, Any]:
    return config(**{f"resource.customizations.{key}": value for key, value in data.items()})


def imported(*objects: dict[str, Any]) -> Imported:
    return from_argocd({"a.yaml": dump_all(objects).encode()}, servers={"https://kubernetes.default.svc": "hub"})


def rules(found: Imported) -> dict[str, dict[str, Any]]:
    return {file: dict(one["spec"]) for file, one in found.documents.items() if one["kind"] == "HealthRule"}


def said(found: Imported) -> list[str]:
    return [one.what.removeprefix("ConfigMap argocd-cm: ") for one in found.findings]


def ignored(found: Imported) -> list[dict[str, Any]]:
    (one,) = [one for one in found.documents.values() if one["kind"] == "Application"]
    return list(one["spec"]["sync"]["ignore"])


def test_a_script_of_its_own_key_is_a_rule_as_it_is() -> None:
    found = imported(keyed({"health.cert-manager.io_Certificate": SCRIPT, "health.ConfigMap": SCRIPT}))
    assert rules(found) == {
        "health/cert-manager-io-certificate.yaml": {"group": "cert-manager.io", "kind": "Certificate", "lua": SCRIPT},
        "health/configmap.yaml": {"kind": "ConfigMap", "lua": SCRIPT},
    }
    assert said(found) == []


def test_the_block_of_old_has_patterns_and_a_key_of_its_own_wins_over_it() -> None:
    block = {
        "*.aws.crossplane.io/*": {"health.lua": SCRIPT},
        "apps/Deployment": {"health.lua": "return nil"},
        "Secret": {"health.lua": ""},
    }
    found = imported(config(**{
        "resource.customizations": dump(block),
        "resource.customizations.health.apps_Deployment": SCRIPT,
        "resource.customizations.health.all": SCRIPT,
    }))  # fmt: skip
    assert rules(found) == {
        "health/all-aws-crossplane-io-all.yaml": {"group": "*.aws.crossplane.io", "kind": "*", "lua": SCRIPT},
        "health/apps-deployment.yaml": {"group": "apps", "kind": "Deployment", "lua": SCRIPT},
        "health/all-all.yaml": {"group": "*", "kind": "*", "lua": SCRIPT},
    }
    assert said(found) == []


def test_ignored_fields_go_into_each_application_once() -> None:
    differences = dump({"jsonPointers": ["/spec/replicas"]})
    webhook = dump({"jqPathExpressions": [".webhooks[]?.clientConfig.caBundle"], "jsonPointers": ["/webhooks/0/x"]})
    found = imported(
        APPLICATION,
        keyed({
            "ignoreDifferences.apps_Deployment": differences,
            "ignoreDifferences.ConfigMap": dump({"managedFieldsManagers": ["some-controller"]}),
            "ignoreDifferences.admissionregistration.k8s.io_MutatingWebhookConfiguration": webhook,
            "ignoreDifferences.all": differences,
        }),
    )  # fmt: skip
    deployment = {"group": "apps", "kind": "Deployment", "paths": ["/spec/replicas"]}
    assert ignored(found) == [
        deployment,
        {"group": "", "kind": "ConfigMap", "managers": ["some-controller"]},
        {"group": "admissionregistration.k8s.io", "kind": "MutatingWebhookConfiguration", "paths": ["/webhooks/0/x"]},
    ]
    assert sorted(said(found)) == [
        "ignoreDifferences of */*: a rule for every kind or group has no place",
        "ignoreDifferences of admissionregistration.k8s.io/MutatingWebhookConfiguration: a jq expression has no place",
    ]


@pytest.mark.parametrize("pointer", ["spec/replicas", "/a~2"])
def test_a_rule_that_no_application_takes_keeps_none_of_them_out(pointer: str) -> None:
    found = imported(APPLICATION, keyed({"ignoreDifferences.apps_StatefulSet": dump({"jsonPointers": [pointer]})}))
    assert [rule["kind"] for rule in ignored(found)] == ["Deployment"]
    (what,) = said(found)
    assert what.startswith(
        "ignoreDifferences of apps/StatefulSet: the registry refuses what it would become: spec.sync"
    )


def test_the_rest_is_told_as_what_it_is() -> None:
    found = imported(keyed({
        "actions.apps_Deployment": "discovery.lua: |\n  return {}\n",
        "ignoreResourceUpdates.all": "jsonPointers: [/status]\n",
        "knownTypeFields.example.com_Box": "- {field: spec, type: core/v1/PodSpec}\n",
        "useOpenLibs.example.com_Box": "true",
        "useOpenLibs.example.com_Case": "false",
        "sideways.example.com_Box": "x",
    }))  # fmt: skip
    assert found.documents == {}
    assert sorted(one.partition(":")[0] for one in said(found)) == [
        "actions of apps/Deployment",
        "ignoreResourceUpdates of */*",
        "knownTypeFields of example.com/Box",
        "resource.customizations.sideways.example.com_Box is no customization that Argo CD knows",
        "useOpenLibs of example.com/Box",
    ]


def test_other_settings_and_other_config_maps_are_passed_over() -> None:
    other = {**config(x="y"), "metadata": {"name": "settings"}}
    with pytest.raises(NothingToImportError):
        imported(config(url="https://argocd.example.com", **{"dex.config": "connectors: []"}), other)
    assert said(imported(APPLICATION, config(url="https://argocd.example.com"), other)) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "health.example.com_Box",
            "return {",
            "the registry refuses what it would become: spec.lua: not a script in Lua",
        ),
        ("health.example.com_Box", "x = 1 " * 20_000, "the registry refuses"),
        ("health.a_b_c", SCRIPT, "no group and kind"),
        ("health.example.com_{Box,Case}", SCRIPT, "more than stars"),
        ("health.example.com_Box", 7, "is no text"),
        ("health", SCRIPT, "no customization that Argo CD knows"),
        ("ignoreDifferences.example.com_Box", "[", "no YAML"),
        ("ignoreDifferences.example.com_Box", "[1]", "no mapping"),
        ("ignoreDifferences.example.com_Box", "jsonPointers: {a: b}", "is no list"),
        ("ignoreDifferences.example.com_Box", "sideways: [a]", "has no place"),
    ],
)
def test_odd_ones_are_findings_with_file_and_line(key: str, value: Any, words: str) -> None:
    found = imported(keyed({key: value}))
    assert found.documents == {}
    assert any(words in one for one in said(found)), said(found)
    assert {(one.file, one.line) for one in found.findings} == {("a.yaml", 7)}


@pytest.mark.parametrize(
    "block", ["[", "[]", "7", "a: 7", "a/b: {health.lua: {a: b}}", "a/b: [x]", "7: {health.lua: x}", "a/b: {c: d}"]
)
def test_an_odd_block_is_a_finding(block: str) -> None:
    found = imported(config(**{"resource.customizations": block}))
    assert (found.documents, len(found.findings)) == ({}, 1)


@pytest.mark.parametrize("data", [None, 7, "x", ["x"], {"resource.customizations": None}, {7: SCRIPT}])
def test_an_odd_config_map_is_passed_over(data: Any) -> None:
    assert said(imported(APPLICATION, {**config(), "data": data})) == []
