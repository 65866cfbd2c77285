"""Definitions of kinds: as manifests bring them, and as a cluster's discovery tells of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import orjson
import yaml

from common.domain.errors import FlotillaError
from common.domain.fleet import DEFAULT_PROJECT
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, config_map
from tests.fuzz.bending import bent_json
from tests.fuzz.harness import target
from tests.harness.definitions import NEVER, definition, gadget
from workers.kube import discovery
from workers.kube.errors import NOT_JSON
from workers.kube.paths import collection
from workers.kube.weight import weighed
from workers.render.manifests import reading
from workers.sync.errors import SilentGroupError, UnknownKindError
from workers.sync.plan.arriving import definition_of
from workers.sync.plan.wanted import prepare

_TENANT = replace(DEFAULT_PROJECT, name="tenant", namespaces=("team-*",), cluster_kinds=("*.example.com/*",))
_BOTH = (
    (definition(), gadget()),
    (definition(scope="Cluster", annotations=NEVER), gadget(name="a", namespace="team-a")),
    (gadget(version="v2"), definition(version="v2", served=False), config_map()),
    ({"apiVersion": "v1", "kind": "List", "items": [definition(plural="gizmos", kind="Gizmo"), gadget(kind="Gizmo")]},),
    ({**definition(), "metadata": {"generateName": "x-", "labels": {"a": "b"}}, "status": {"conditions": []}},),
)
_WORDS = [
    *(
        b"kind: ",
        b"group: ",
        b"plural: ",
        b"scope: Cluster\n",
        b"versions:\n",
        b"served: ",
        b"names:\n",
        b"annotations:\n",
    ),
    *(b"flotilla.dev/apply: ", b"flotilla.dev/wave: '", b"helm.sh/hook: ", b"generateName: ", b"namespace: ", b"---\n"),
    *(
        b"apiVersion: apps/v1\n",
        b"../../",
        b"?force=true",
        b"items: [",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"metadata: ",
        b"CustomResource",
    ),
]


@target(seeds=[yaml.safe_dump_all(each).encode() for each in _BOTH], words=_WORDS)
def definitions(data: bytes) -> None:
    """Read manifests that define kinds, and judge them for a project that may do all and one that may do little."""
    manifests = [each.manifest for each in reading(data, "x.yaml").objects]
    for manifest in manifests:
        definition_of(manifest)
    for project in (DEFAULT_PROJECT, _TENANT):
        cluster = FakeCluster()
        with suppress(FlotillaError):
            prepare(Site(cluster).request(manifests, project=project), cluster)


def _group(name: str, *resources: tuple[str, str, str]) -> dict[str, object]:
    found = [
        {
            "resource": plural,
            "responseKind": {"group": name, "version": "", "kind": kind},
            "scope": scope,
            "singularResource": "",
            "verbs": ["get", "list", "patch"],
            "subresources": [{"subresource": "status"}],
        }
        for plural, kind, scope in resources
    ]
    versions = [{"version": version, "resources": found, "freshness": "Current"} for version in ("v1", "v1beta1")]
    return {"metadata": {"name": name, "creationTimestamp": None}, "versions": versions}


def _groups(*groups: dict[str, object]) -> bytes:
    return orjson.dumps({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": groups})


_CORE = _groups(_group("", ("pods", "Pod", "Namespaced"), ("namespaces", "Namespace", "Cluster")))
_OTHERS = _groups(
    _group("apps", ("deployments", "Deployment", "Namespaced")),
    _group("tenant.example.com", ("gadgets", "Gadget", "Namespaced"), ("gizmos", "Gizmo", "Cluster")),
    {"metadata": {"name": "silent.example.com"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
)


@target(
    name="discovery",
    seeds=[_OTHERS, _CORE],
    refuses=(*NOT_JSON, FlotillaError),
    words=[
        b'"items":[',
        b'"versions":[',
        b'"resources":[',
        b'"scope":"',
        b'"Stale"',
        b"null",
        b"../",
        b'"verbs":["patch"]',
    ],
    largest=4 << 20,
    bend=bent_json,
)
def discovered(data: bytes) -> None:
    """Read what a cluster says that it serves; whatever is kept of it has a URL."""
    catalogue = discovery.decode([weighed(_CORE, "GET /api"), weighed(data, "GET /apis")], read_at=0.0)
    for kind in catalogue.kinds.values():
        collection(kind, "default")
    for group in ("", "apps", "tenant.example.com", "silent.example.com"):
        with suppress(UnknownKindError, SilentGroupError):
            catalogue.find(group, "v1", "Gadgetry")
