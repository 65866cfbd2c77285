"""Argo CD's objects as registry documents: what is mapped, and that nothing is dropped in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from common.yaml import dump_all
from console.importing import Imported, NothingToImportError, from_argocd
from console.importing.argocd.sources import mapped
from console.importing.reading import read

DATA = Path(__file__).parents[2] / "data" / "importing"
SOURCE = {"repoURL": "https://git.example.com/web.git", "path": "web", "targetRevision": "main"}
HUB = {"https://kubernetes.default.svc": "hub"}


def application(**spec: Any) -> dict[str, Any]:
    destination = {"server": "https://kubernetes.default.svc", "namespace": "web"}
    given = {"project": "default", "source": SOURCE, "destination": destination} | spec
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web"},
        "spec": {key: value for key, value in given.items() if value is not None},
    }


def application_set(*generators: Any, template: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    made = template or application(destination={"server": "{{server}}", "namespace": "web"})
    body = {"metadata": {"name": "web-{{name}}"}, "spec": made["spec"]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "web"},
        "spec": {"generators": list(generators), "template": body} | spec,
    }


def cluster(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": "cluster", **labels}},
        "stringData": {"name": name, "server": f"https://{name}.example.com", "config": "CANARY"},
    }


def imported(*objects: dict[str, Any], **more: Any) -> Imported:
    return from_argocd({"a.yaml": dump_all(objects).encode()}, **({"servers": HUB} | more))


def spec_of(found: Imported, name: str = "web") -> dict[str, Any]:
    (one,) = [document for document in found.documents.values() if document["metadata"]["name"] == name]
    spec: dict[str, Any] = one["spec"]
    return spec


def told(found: Imported) -> list[str]:
    return [finding.what for finding in found.findings]


def test_a_synced_application_has_a_place_in_whole() -> None:
    policy = {
        "automated": {"prune": True, "selfHeal": True},
        "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
        "retry": {"limit": 3, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m0s"}},
    }
    found = imported(application(syncPolicy=policy, revisionHistoryLimit=3))
    assert found.findings == ()
    assert spec_of(found) == {
        "source": {"repo": "https://git.example.com/web.git", "path": "web", "ref": {"branch": "main"}},
        "namespace": "web",
        "createNamespace": True,
        "sync": {
            "adopt": "any",
            "mode": "warn",
            "retry": {"limit": 3, "base": "5s", "factor": 2, "ceiling": "3m"},
        },
        "targets": [{"name": "all", "clusters": ["hub"]}],
    }


def test_what_argo_does_not_remove_is_not_removed_here() -> None:
    assert spec_of(imported(application()))["sync"]["prune"] == {"enabled": False}
    policy = {"automated": {"prune": True}, "syncOptions": ["Prune=false"]}
    assert spec_of(imported(application(syncPolicy=policy)))["sync"]["prune"] == {"enabled": False}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"repoURL": "git@git.example.com:pay/web.git", "path": "./a/", "targetRevision": "v1.2.3"},
            {"repo": "ssh://git@git.example.com/pay/web.git", "path": "a", "ref": {"tag": "v1.2.3"}},
        ),
        ({**SOURCE, "targetRevision": "a" * 40}, {"ref": {"commit": "a" * 40}}),
        ({**SOURCE, "targetRevision": "refs/tags/stable"}, {"ref": {"tag": "stable"}}),
        ({**SOURCE, "targetRevision": "1.x"}, {"ref": {"semver": "1.x"}}),
        (
            {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.2.0"},
            {"helm": {"repo": "https://charts.example.com", "chart": "web", "version": "1.2.0"}},
        ),
        (
            {"repoURL": "registry.example.com/charts", "chart": "web", "targetRevision": "1.2.0"},
            {"helm": {"repo": "oci://registry.example.com/charts", "chart": "web", "version": "1.2.0"}},
        ),
        (
            {"repoURL": "oci://registry.example.com/web", "path": ".", "targetRevision": "v1"},
            {"oci": {"image": "registry.example.com/web", "ref": {"tag": "v1"}, "path": "."}},
        ),
    ],
)
def test_sources_are_written_as_the_registry_writes_them(source: dict[str, Any], expected: dict[str, Any]) -> None:
    found = imported(application(source=source))
    assert found.findings == ()
    assert spec_of(found)["source"].items() >= expected.items()


def test_the_default_branch_is_assumed_and_said() -> None:
    found = imported(application(source={**SOURCE, "targetRevision": "HEAD"}))
    assert spec_of(found)["source"]["ref"] == {"branch": "main"}
    assert told(found) == ["Application web: HEAD is the repository's default branch; main is written"]


def test_helm_settings_keep_their_order_of_strength() -> None:
    helm = {
        "releaseName": "shop",
        "valueFiles": ["a.yaml", "b.yaml"],
        "values": "replicas: 2\nimage: {tag: a}\n",
        "valuesObject": {"replicas": 3},
        "parameters": [{"name": "args", "value": "a,b"}, {"name": "name", "value": "web", "forceString": True}],
    }
    spec = spec_of(imported(application(source={**SOURCE, "helm": helm})))
    assert spec["render"] == {
        "helm": {"valuesFiles": ["a.yaml", "b.yaml"], "releaseName": "shop", "sets": [r"args=a\,b", "name=web"]}
    }
    assert spec["values"] == {"replicas": 3}, "Argo CD does not look at values where there is a valuesObject"
    without = {key: value for key, value in helm.items() if key != "valuesObject"}
    assert spec_of(imported(application(source={**SOURCE, "helm": without})))["values"]["image"] == {"tag": "a"}


def test_what_a_chart_leaves_out_is_left_out_here() -> None:
    skipped = dict.fromkeys(("skipCrds", "skipTests", "skipSchemaValidation"), True)
    helm = {**skipped, "values": "a: 1\na: 2\ncluster: {name: home}\n"}
    found = imported(application(source={**SOURCE, "helm": helm}))
    assert spec_of(found)["render"] == {"helm": skipped}
    assert spec_of(found)["values"] == {"a": 2, "cluster": {"name": "home"}}, "a chart's own key has a place"
    assert not told(found)


def test_kustomize_and_folders_keep_their_settings() -> None:
    kustomize = {"images": ["a=b:c"], "namePrefix": "x-", "components": ["../parts/tls"], "patches": [{"patch": "{}"}]}
    spec = spec_of(imported(application(source={**SOURCE, "kustomize": kustomize})))
    assert spec["render"]["kustomize"] == {
        "images": ["a=b:c"],
        "namePrefix": "x-",
        "components": ["parts/tls"],
        "patches": [{"patch": "{}"}],
    }
    flat = spec_of(imported(application(source={**SOURCE, "directory": {"exclude": "{a.yaml,b/*}"}})))
    assert flat["render"]["plain"] == {"include": ["*.yaml", "*.yml", "*.json"], "exclude": ["a.yaml", "b/*"]}
    assert "render" not in spec_of(imported(application(source={**SOURCE, "directory": {"recurse": True}})))
    jsonnet = {"jsonnet": {"libs": ["lib"], "tlas": [{"name": "size", "value": "small"}]}}
    assert spec_of(imported(application(source={**SOURCE, "directory": jsonnet})))["render"] == {
        "jsonnet": {"libs": ["lib"], "topLevelArguments": {"size": "small"}}
    }


def test_several_sources_lend_values_to_each_other() -> None:
    chart = {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.x"}
    sources = [chart | {"helm": {"valueFiles": ["$config/prod.yaml"]}}, {**SOURCE, "path": None, "ref": "config"}]
    found = imported(application(source=None, sources=sources))
    spec = spec_of(found)
    assert [source["name"] for source in spec["sources"]] == ["source-1", "config"]
    assert spec["render"] == {"helm": {"valuesFiles": ["$config/prod.yaml"]}}
    assert found.findings == ()


def test_every_field_without_a_place_is_told_with_its_line_and_never_its_value() -> None:
    text = b"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web
  annotations:
    team: CANARY
spec:
  project: default
  info: [{name: owner, value: CANARY}]
  source:
    repoURL: https://git.example.com/web.git
    targetRevision: main
    future: {name: mine, env: [{name: A, value: CANARY}]}
  destination: {server: "https://kubernetes.default.svc", namespace: web}
"""
    found = from_argocd({"a.yaml": text}, servers=HUB)
    assert [(finding.line, finding.what.split()[2]) for finding in found.findings] == [
        (6, "metadata.annotations.team"),
        (9, "spec.info[0].name"),
        (9, "spec.info[0].value"),
        (13, "spec.source.future.env[0].name"),
        (13, "spec.source.future.env[0].value"),
        (13, "spec.source.future.name"),
    ]
    assert "CANARY" not in f"{found}"


def test_a_plugin_becomes_a_command_and_what_it_was_given_its_values() -> None:
    plugin = {
        "name": "cue",
        "env": [{"name": "TIER", "value": "gold"}, {"name": "EMPTY", "value": ""}],
        "parameters": [
            {"name": "files", "array": ["a.cue", "b.cue"]},
            {"name": "images", "map": {"web": "1"}},
            {"name": "mode", "string": "fast"},
        ],
    }
    found = imported(application(source={**SOURCE, "plugin": plugin}))
    spec = spec_of(found)
    assert spec["render"] == {"command": "cue"}
    assert spec["values"] == {
        "env": {"TIER": "gold", "EMPTY": ""},
        "parameters": {"files": ["a.cue", "b.cue"], "images": {"web": "1"}, "mode": "fast"},
    }
    (told,) = [finding for finding in found.findings if "plugin" in finding.what]
    assert told.what.endswith("the plugin cue becomes the command cue")
    assert "have an operator allow a command of that name" in told.remedy


@pytest.mark.parametrize("plugin", [{}, {"name": "Not A Name"}, {"env": [{"name": "A", "value": "b"}]}])
def test_a_plugin_without_a_usable_name_is_said(plugin: dict[str, Any]) -> None:
    found = imported(application(source={**SOURCE, "plugin": plugin}))
    assert spec_of(found)["render"] == {"command": "plugin"}
    assert any("name the command that the operator allows for it" in finding.remedy for finding in found.findings)


def test_a_set_on_labels_stays_a_selection_by_labels() -> None:
    generator = {"clusters": {"selector": {"matchLabels": {"env": "prod"}}}}
    spec = spec_of(imported(application_set(generator)))
    assert spec["targets"] == [{"name": "all", "select": {"matchLabels": {"env": "prod"}}}]
    everywhere = spec_of(imported(application_set({"clusters": {}})))
    assert everywhere["targets"] == [{"name": "all", "select": {"all": True}}]


def test_a_set_over_a_list_becomes_one_application_where_only_the_cluster_differs() -> None:
    elements = [{"name": name, "server": f"https://{name}.example.com"} for name in ("eu", "us")]
    servers = {f"https://{name}.example.com": name for name in ("eu", "us")}
    found = imported(application_set({"list": {"elements": elements}}), servers=servers)
    assert spec_of(found)["targets"] == [{"name": "all", "clusters": ["eu", "us"]}]
    assert len(found.documents) == 1


def test_a_matrix_is_every_pair_and_a_merge_lays_one_over_the_other() -> None:
    tenants = {"list": {"elements": [{"tenant": "a"}, {"tenant": "b"}]}}
    made = application(
        source={**SOURCE, "path": "{{tenant}}"}, destination={"name": "{{name}}", "namespace": "{{tenant}}"}
    )
    matrix = application_set({"matrix": {"generators": [tenants, {"clusters": {}}]}}, template=made)
    matrix["spec"]["template"]["metadata"]["name"] = "{{tenant}}-{{name}}"
    found = imported(matrix, cluster("eu"), cluster("us"))
    assert spec_of(found, "web-a")["source"]["path"] == "a"
    assert spec_of(found, "web-b")["targets"] == [{"name": "all", "clusters": ["eu", "hub", "us"]}]
    assert "CANARY" not in f"{found}"
    over = {"list": {"elements": [{"tenant": "b", "name": "us"}]}}
    all_of = {"list": {"elements": [{"tenant": "a", "name": "eu"}, {"tenant": "b", "name": "eu"}]}}
    merge = {"merge": {"mergeKeys": ["tenant"], "generators": [all_of, over]}}
    merged = imported(application_set(merge, template=made), cluster("eu"), cluster("us"))
    assert spec_of(merged, "web-us")["namespace"] == "b"


def test_folders_and_files_of_a_checkout_make_applications() -> None:
    files = {"apps/a/x.yaml": b"", "apps/b/x.yaml": b"", "apps/c/x.yaml": b"", "env/eu.json": b'{"env": {"ns": "e"}}'}
    url = "https://git.example.com/all.git"
    rules = [{"path": "apps/*"}, {"path": "apps/c", "exclude": True}]
    made = application(
        source={**SOURCE, "path": "{{path}}"}, destination={"name": "hub", "namespace": "{{path.basename}}"}
    )
    by_folder = application_set({"git": {"repoURL": url, "directories": rules}}, template=made)
    by_folder["spec"]["template"]["metadata"]["name"] = "{{path.basename}}"
    found = imported(by_folder, checkouts={url: files})
    assert sorted(document["spec"]["source"]["path"] for document in found.documents.values()) == ["apps/a", "apps/b"]
    go = application(destination={"name": "hub", "namespace": "{{.env.ns}}"})
    by_file = application_set(
        {"git": {"repoURL": url, "files": [{"path": "env/*.json"}]}}, template=go, goTemplate=True
    )
    by_file["spec"]["template"]["metadata"]["name"] = "web"
    assert spec_of(imported(by_file, checkouts={url: files}))["namespace"] == "e"


@pytest.mark.parametrize(
    ("generator", "what"),
    [
        ({"git": {"repoURL": "https://x.example.com/a.git", "directories": []}}, "name a checkout of it with"),
        ({"pullRequest": {}}, "the generator pullRequest cannot be expanded"),
        ({"list": {"elementsYaml": "x"}}, "elementsYaml of a list generator cannot be expanded"),
        ({"list": {"elements": [{"name": "a"}]}}, "'server', for which there is no parameter"),
        ({"matrix": {"generators": [{"clusters": {}}, {"list": {"elements": [{}]}}]}}, "clusters that are not in"),
    ],
)
def test_what_cannot_be_expanded_is_told(generator: dict[str, Any], what: str) -> None:
    found = imported(application_set(generator), application(destination={"name": "hub", "namespace": "x"}))
    assert any(what in text for text in told(found)), told(found)


def test_a_template_that_computes_is_told_and_not_guessed() -> None:
    made = application(destination={"name": "{{ .name | upper }}", "namespace": "web"})
    elements = {"list": {"elements": [{"name": "a"}]}}
    computing = application_set(elements, template=made, goTemplate=True)
    computing["spec"]["template"]["metadata"]["name"] = "web"
    found = imported(computing)
    assert [what for what in told(found) if "upper" in what and "cannot be expanded" in what]
    assert (dict(found.documents), found.steps) == ({}, ())


def test_a_project_grants_what_can_be_told_exactly_and_nothing_else() -> None:
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "pay"},
        "spec": {
            "sourceRepos": ["https://git.example.com/pay/*"],
            "destinations": [{"server": "https://eu.example.com", "namespace": "pay-*"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
            "roles": [{"name": "deployer", "groups": ["pay"]}],
        },
    }
    found = imported(project, application(project="pay"))
    assert found.documents["projects/pay.yaml"]["spec"] == {
        "paths": ["applications/pay/**"],
        "repos": ["https://git.example.com/pay/**"],
        "namespaces": {"allow": ["pay-*"], "create": True},
        "kinds": {"deny": ["/Secret"]},
    }
    assert "applications/pay/web.yaml" in found.documents
    assert any("select" in text for text in told(found))
    assert any("spec.roles[0].name has no place" in text for text in told(found))


def test_two_of_one_name_and_what_the_registry_refuses_are_told() -> None:
    found = imported(application(), application())
    assert told(found) == ["Application web: it is here twice, first in a.yaml on line 2; that one counts"]
    assert len(found.documents) == 1
    plain_http = imported(application(source={**SOURCE, "repoURL": "http://git.example.com/a.git"}))
    assert any("plain http" in text for text in told(plain_http))


def test_files_without_anything_are_an_error_and_broken_ones_are_told() -> None:
    with pytest.raises(NothingToImportError, match="hold no Application"):
        from_argocd({"a.yaml": b"kind: ConfigMap\n"})
    text = yaml.safe_dump(application()).encode()
    found = from_argocd({"a.yaml": text, "b.yaml": b"a: [\n"}, servers=HUB)
    assert [finding.file for finding in found.findings] == ["b.yaml"]


def test_the_hand_over_comes_in_the_order_that_loses_nothing() -> None:
    found = from_argocd({"argo.yaml": (DATA / "argo.yaml").read_bytes()}, servers=HUB)
    titles = [step.title.partition(" ")[0] for step in found.steps]
    assert titles == ["Suspend", "Commit", "Set", "Take", "Only"]
    assert "automated" in found.steps[0].commands[-1]
    assert all("--cascade=orphan" in command for command in found.steps[-1].commands)


def test_taken_fields_are_those_of_the_source_alone() -> None:
    (one,) = read({"a.yaml": yaml.safe_dump(application()).encode()}, ("argoproj.io",)).objects
    mapped(one, ("spec", "source"))
    assert any("spec.destination.server" in finding.what for finding in one.findings())
