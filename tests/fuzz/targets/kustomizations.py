"""Kustomizations, as the worker reads them before the tool does: a footprint or a fault, whatever is written."""

from __future__ import annotations

from contextlib import suppress

from common.domain.errors import FlotillaError
from tests.fakes.trees import memory_tree
from tests.fuzz.harness import target
from workers.render.kustomize import kustomization

_OTHERS = {
    "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "app/p.yaml": "a: 1\n",
    "app/v.env": "A=1\n",
    "base/kustomization.yaml": "resources: [../app]\n",
    "base/c/kustomization.yaml": "kind: Component\n",
}
_SEEDS = (
    b"resources: [a.yaml]\nnamePrefix: x-\n",
    b"resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]\n",
    b"resources: [a.yaml]\nconfigMapGenerator: [{name: c, envs: [v.env], files: [k=p.yaml], literals: [a=b]}]\n",
    b"components: [../base/c]\nresources: [a.yaml]\nreplacements: [{path: p.yaml}]\n",
    b'{"resources": ["a.yaml"], "images": [{"name": "x", "newTag": "1"}]}',
)
_WORDS = (
    b"resources: [",
    b"../base",
    b"../",
    b"/etc/passwd",
    b"https://example.com/x?ref=main",
    b"git::ssh://",
    b"bases: [",
    b"crds: [",
    b"openapi: {path: ",
    b"generators: [",
    b"transformers: [|",
    b"validators: [",
    b"helmCharts: [{name: x}]",
    b"helmGlobals: ",
    b"patchesStrategicMerge: [|",
    b"patchesJson6902: [{path: ",
    b"configurations: [",
    b"vars: [",
    b"secretGenerator: [{",
    b"kind: Component\n",
    b"&a ",
    b"*a",
    b"<<: ",
    b"---\n",
)


@target(seeds=list(_SEEDS), words=list(_WORDS))
def kustomizations(text: bytes) -> None:
    """Ask what building a folder with this kustomization reads."""
    tree = memory_tree(_OTHERS | {"app/kustomization.yaml": text})
    with suppress(FlotillaError):
        kustomization.footprint(tree, "app", ())
