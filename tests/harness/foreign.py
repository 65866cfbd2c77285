"""Objects of Argo CD and Flux in whole, and what becomes of them when every field may be of a wrong type."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

Way = tuple[str | int, ...]

_GIT = {"repoURL": "https://git.example.com/a.git", "path": "web", "targetRevision": "main"}
_TEMPLATE = {
    "metadata": {"name": "{{name}}-web", "labels": {"a": "b"}},
    "spec": {
        "project": "default",
        "source": {**_GIT, "path": "{{path}}"},
        "destination": {"name": "{{name}}", "namespace": "web"},
    },
}


def _argo(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "argocd",
        "labels": {"app.kubernetes.io/instance": "root"},
        "annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/web"},
    }
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _set(name: str, *generators: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _argo("ApplicationSet", name, {"generators": list(generators), "template": _TEMPLATE} | more)


ARGO: tuple[dict[str, Any], ...] = (
    _argo(
        "Application",
        "web",
        {
            "project": "pay",
            "source": {
                **_GIT,
                "helm": {
                    "valueFiles": ["a.yaml", "/b.yaml"],
                    "values": "a: 1\n",
                    "parameters": [{"name": "a", "value": "1", "forceString": True}],
                    "releaseName": "web",
                    "skipCrds": True,
                },
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True, "allowEmpty": False, "enabled": True},
                "syncOptions": ["CreateNamespace=true", "Prune=false"],
                "retry": {"limit": 3, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
            },
            "ignoreDifferences": [
                {"kind": "Deployment", "group": "apps", "jsonPointers": ["/spec/replicas"]},
                {"kind": "Service", "jqPathExpressions": [".spec.x"], "managedFieldsManagers": ["m"]},
            ],
        },
    ),
    _argo(
        "Application",
        "root",
        {
            "project": "pay",
            "sources": [
                {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.x",
                 "helm": {"valueFiles": ["$config/a.yaml"], "valuesObject": {"a": {"b": [1, None]}}}},
                {**_GIT, "ref": "config"},
                {**_GIT, "kustomize": {"images": ["a=b:c"], "patches": [{"patch": "{}", "target": {"kind": "A"}}],
                                       "components": ["../x"], "namePrefix": "a-"}},
                {**_GIT, "directory": {"recurse": True, "include": "{a,b}", "exclude": "c",
                                       "jsonnet": {"libs": ["l"], "tlas": [{"name": "a", "code": True}]}}},
                {**_GIT, "plugin": {"name": "cue", "env": [{"name": "A", "value": "b"}],
                                    "parameters": [{"name": "a", "array": ["b"], "map": {"c": "d"}}]}},
            ],
            "destination": {"name": "in-cluster", "namespace": "argocd"},
        },
    ),
    _argo(
        "AppProject",
        "pay",
        {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "pay-*"}, {"name": "eu", "namespace": "!x"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        },
    ),
    _set("by-list", {"list": {"elements": [{"name": "eu", "path": "a"}, {"name": "us", "path": "b"}]}}),
    _set("by-cluster", {"clusters": {"selector": {"matchLabels": {"env": "prod"},
        "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]}, "values": {"path": "a"}}}),
    _set("by-folder", {"git": {"repoURL": _GIT["repoURL"], "revision": "main",
        "directories": [{"path": "apps/*"}, {"path": "apps/b", "exclude": True}]}}),
    _set("by-file", {"git": {"repoURL": _GIT["repoURL"], "files": [{"path": "env/*.json"}], "values": {"a": "b"}}}),
    _set("by-matrix", {"matrix": {"generators": [
        {"list": {"elements": [{"path": "a"}]}},
        {"matrix": {"generators": [{"list": {"elements": [{"a": "b"}]}}, {"clusters": {}}]}}]}}),
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "made", "namespace": "argocd",
            "ownerReferences": [{"kind": "ApplicationSet", "name": "by-strangers", "controller": True}]},
        "spec": {"source": _GIT, "destination": {"name": "eu", "namespace": "web"}},
    },
    _set("by-merge", {"merge": {"mergeKeys": ["name"], "generators": [
        {"clusters": {}}, {"list": {"elements": [{"name": "eu", "path": "b"}]}}]}}),
    _set("by-go", {"list": {"elements": [{"name": "eu", "path": {"segments": ["a"]}}]},
        "selector": {"matchLabels": {"name": "eu"}}}, goTemplate=True, template={
            "metadata": {"name": "{{ .name }}"},
            "spec": {"source": {**_GIT, "path": "{{ index .path.segments 0 }}"},
                     "destination": {"name": "{{ .name }}", "namespace": "web"}}}),
    _set("by-strangers", {"scmProvider": {}}, {"pullRequest": {}}, {"clusterDecisionResource": {}}, {"plugin": {}}),
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm"},
        "data": {
            "resource.customizations.health.example.com_Boat": "hs = {}\nhs.status = 'Healthy'\nreturn hs\n",
            "resource.customizations.ignoreDifferences.all": "managedFieldsManagers: [m]\njsonPointers: [/a]\n",
            "resource.customizations": "apps/Deployment:\n  health.lua: |\n    return {}\n  actions: x\n",
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "eu", "labels": {"argocd.argoproj.io/secret-type": "cluster", "env": "prod"}},
        "data": {"name": "ZXU=", "server": "aHR0cHM6Ly9ldS5leGFtcGxlLmNvbQ=="},
    },
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": {
            "resource.customizations": "example.com/Box: {health.lua: return nil}\n",
            "resource.customizations.health.example.com_Case": "return {status = 'Healthy'}",
            "resource.customizations.ignoreDifferences.apps_Deployment": "jsonPointers: [/spec/replicas]\n",
        },
    },
)  # fmt: skip


def _flux(group: str, version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    labels = {"kustomize.toolkit.fluxcd.io/name": "web", "kustomize.toolkit.fluxcd.io/namespace": "apps"}
    metadata = {"name": name, "namespace": "apps", "labels": labels}
    return {"apiVersion": f"{group}.toolkit.fluxcd.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


FLUX: tuple[dict[str, Any], ...] = (
    _flux("source", "v1", "GitRepository", "git", {"url": "ssh://git@git.example.com/a", "interval": "1m",
        "ref": {"branch": "main", "tag": "v1", "semver": ">=1", "name": "refs/heads/x"}, "secretRef": {"name": "git"}}),
    _flux("source", "v1", "OCIRepository", "oci", {"url": "oci://registry.example.com/charts/web",
        "ref": {"tag": "1.0.0", "semver": "1.x"}, "layerSelector": {"operation": "copy", "mediaType": "x"}}),
    _flux("source", "v1", "HelmRepository", "charts", {"url": "oci://registry.example.com/charts", "type": "oci"}),
    _flux("source", "v1", "HelmChart", "web", {"chart": "web", "version": "1.0.0",
        "sourceRef": {"kind": "HelmRepository", "name": "charts"}, "valuesFiles": ["values.yaml"]}),
    _flux("kustomize", "v1", "Kustomization", "web", {"path": "./web", "prune": True, "timeout": "1m",
        "sourceRef": {"kind": "GitRepository", "name": "git"}, "targetNamespace": "web", "suspend": True,
        "postBuild": {"substitute": {"a": "b"}, "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]},
        "decryption": {"provider": "sops", "secretRef": {"name": "age"}},
        "images": [{"name": "a", "newName": "b", "newTag": "1", "digest": ""}], "components": ["../x"],
        "patches": [{"patch": "{}", "target": {"kind": "A"}, "options": {"allowNameChange": True}}],
        "kubeConfig": {"secretRef": {"name": "x"}}, "namePrefix": "a-", "dependsOn": [{"name": "x"}]}),
    _flux("helm", "v2", "HelmRelease", "web", {"interval": "5m", "releaseName": "web", "targetNamespace": "web",
        "chart": {"spec": {"chart": "web", "version": "1.x", "valuesFiles": ["values.yaml"],
                           "sourceRef": {"kind": "HelmRepository", "name": "charts", "namespace": "apps"}}},
        "values": {"cluster": {"name": "home"}}, "valuesFrom": [
            {"kind": "ConfigMap", "name": "vars", "valuesKey": "values.yaml"}, {"kind": "Secret", "name": "x"}],
        "install": {"createNamespace": True, "crds": "Skip"}, "upgrade": {"crds": "Skip"},
        "driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/a"], "target": {"kind": "A"}}]}}),
    _flux("helm", "v2", "HelmRelease", "by-ref", {"chartRef": {"kind": "OCIRepository", "name": "oci"}}),
    _flux("helm", "v2", "HelmRelease", "by-chart", {"chartRef": {"kind": "HelmChart", "name": "web"}}),
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vars", "namespace": "apps"},
     "data": {"a": "c", "values.yaml": "a: {b: 1}\n"}},
)  # fmt: skip

WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 62, -(1 << 63), 1.5, 1e300, "", "x", " ", "\u001b[31m\u0007", "a\nb", "..", "/", "-",
    "../../..", "{{", "{{x}}", "{{.a.b}}", "{{ index .a 9 }}", "\u00b2", "é", "\U0001f600",
    "x" * 5_000, "oci://", "https://", "a@b:c", "$(reboot)", "sha256:x", "9" * 40, "1.x || ", "0s",
    "9" * 30 + "h", [], [None], [[]], [[[1]]], [{}], ["x", 1, None, {}], {}, {"": None}, {"x": {}}, {"kind": []},
    {"name": {}}, {"\u001b": "\u001b"}, {"generators": [{}]}, [{"matrix": {"generators": [{"matrix": None}]}}],
)  # fmt: skip
"""Values of every type, each of which is wrong nearly everywhere."""


def ways(value: Any, above: Way = ()) -> Iterator[Way]:
    """Yield the way to each part of a value, itself left out."""
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*above, key)
        yield from ways(inner, (*above, key))


def changed(value: Any, way: Way, to: Any) -> Any:
    """Return a copy in which something else is at the end of a way."""
    whole = copy.deepcopy(value)
    inner = whole
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = to
    return whole


def bent(objects: tuple[dict[str, Any], ...], draw: random.Random) -> list[Any]:
    """Return the objects with one to eight of their parts wrong."""
    found: list[Any] = list(objects)
    for _ in range(draw.choice((1, 2, 3, 5, 8))):
        number = draw.randrange(len(found))
        everywhere = list(ways(found[number]))
        if everywhere:
            found[number] = changed(found[number], draw.choice(everywhere), copy.deepcopy(draw.choice(WRONG)))
    return found
