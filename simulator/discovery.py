"""What a cluster says it serves: versions, groups, resources, in the classic and the aggregated form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.kinds import VERBS, Kind, Trait
from simulator.request import Answer, Request, json_answer
from simulator.store import Cluster

Json = dict[str, Any]
VERSION: Json = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.2",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_GROUP_ORDER = ("apiregistration.k8s.io", "apps", "events.k8s.io", "autoscaling", "batch")


def answer(cluster: Cluster, request: Request) -> Answer | None:
    """Return the answer to a discovery request, or None if it is none."""
    path = request.path.rstrip("/")
    if path == "/version":
        return json_answer(200, VERSION)
    if path in ("/api", "/apis"):
        return _root(cluster, request, core=path == "/api")
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) == 2:
        return _resources(cluster, "", parts[1])
    if parts[0] == "apis" and len(parts) == 3:
        return _resources(cluster, parts[1], parts[2])
    if parts[0] == "apis" and len(parts) == 2:
        groups = {name: kinds for name, kinds in _groups(cluster).items() if name == parts[1]}
        for name, kinds in groups.items():
            return json_answer(200, {"kind": "APIGroup", "apiVersion": "v1", **_group(name, kinds)})
    return None


def _root(cluster: Cluster, request: Request, *, core: bool) -> Answer:
    if "as=APIGroupDiscoveryList" in request.accept:
        return _aggregated(cluster, core=core)
    if core:
        return json_answer(200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
    groups = [_group(name, kinds) for name, kinds in _groups(cluster).items() if name]
    return json_answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


def _groups(cluster: Cluster) -> dict[str, list[Kind]]:
    found: dict[str, list[Kind]] = {}
    for kind in cluster.kinds.values():
        found.setdefault(kind.group, []).append(kind)
    ranked = sorted(found, key=lambda name: (_GROUP_ORDER.index(name) if name in _GROUP_ORDER else 99, name))
    return {name: found[name] for name in ranked}


def _versions(kinds: Iterable[Kind]) -> list[str]:
    return sorted({kind.version for kind in kinds}, key=_version_rank)


def _version_rank(version: str) -> tuple[bool, bool, str]:
    """Stable before beta before alpha, newest first among equals as far as one digit tells."""
    return ("alpha" in version, "beta" in version, "".join(chr(0x10FFFF - ord(letter)) for letter in version))


def _group(name: str, kinds: list[Kind]) -> Json:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(kinds)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(cluster: Cluster, group: str, version: str) -> Answer | None:
    kinds = [kind for kind in cluster.kinds.values() if (kind.group, kind.version) == (group, version)]
    if not kinds:
        return None
    resources: list[Json] = []
    for kind in sorted(kinds, key=lambda each: each.plural):
        resources.append(_resource(kind))
        resources.extend(_subresource(kind, name, verbs) for name, verbs in _subresources(kind))
    listed = {"kind": "APIResourceList", "groupVersion": kinds[0].api_version, "resources": resources}
    return json_answer(200, listed if not group else {**listed, "apiVersion": "v1"})


def _resource(kind: Kind) -> Json:
    resource: Json = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(VERBS),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    return resource


def _subresources(kind: Kind) -> list[tuple[str, list[str]]]:
    verbs = ["get", "patch", "update"]
    found = []
    if kind.has(Trait.SCALE):
        found.append(("scale", verbs))
    if kind.has(Trait.STATUS):
        found.append(("status", verbs))
    return found


def _subresource(kind: Kind, name: str, verbs: list[str]) -> Json:
    scale: Json = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if name == "scale" else {"kind": kind.kind}
    return {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced, **scale, "verbs": verbs}


def _aggregated(cluster: Cluster, *, core: bool) -> Answer:
    items = []
    for name, kinds in _groups(cluster).items():
        if bool(name) is core:
            continue
        versions = [
            {
                "version": version,
                "resources": [
                    _aggregated_resource(kind)
                    for kind in sorted(kinds, key=lambda each: each.plural)
                    if kind.version == version
                ],
                "freshness": "Current",
            }
            for version in _versions(kinds)
        ]
        metadata: Json = {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": versions})
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    plain = json_answer(200, body)
    return Answer(200, plain.body, AGGREGATED)


def _aggregated_resource(kind: Kind) -> Json:
    resource: Json = {
        "resource": kind.plural,
        # built-in kinds leave out what the list says already; custom ones do not
        "responseKind": {
            "group": kind.group if kind.custom else "",
            "version": kind.version if kind.custom else "",
            "kind": kind.kind,
        },
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(VERBS),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    below = [
        {
            "subresource": name,
            "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            if name == "scale"
            else resource["responseKind"],
            "verbs": verbs,
        }
        for name, verbs in _subresources(kind)
    ]
    return {**resource, "subresources": below} if below else resource
