"""In which namespaces objects are that name none: files in Git often leave that to what applies them."""

from __future__ import annotations

from collections.abc import Sequence

from console.importing.foreign import Foreign
from console.importing.words import folder

_KUSTOMIZE = "kustomize.config.k8s.io"


def place(objects: Sequence[Foreign], others: Sequence[Foreign]) -> None:
    """Give each object that names no namespace the one that it gets; where that is not known, ``default``, said.

    That is the ``targetNamespace`` of the Kustomization of Flux in whose folder its file is, the deepest of them first;
    or the ``namespace`` of the ``kustomization.yaml`` beside it or above it, the nearest first.

    Args:
        objects: of Flux.
        others: among them what ``kustomize`` itself reads.
    """
    targets = [(path, name) for one in objects if (path := _path(one)) and (name := _namespace(one))]
    beside = [
        (one.file.rpartition("/")[0], name)
        for one in others
        if one.group == _KUSTOMIZE and isinstance(name := one.look("namespace"), str)
    ]
    for one in objects:
        if one.has("metadata", "namespace"):
            continue
        known = [(len(path), name) for path, name in targets if f"/{path}/" in f"/{one.file}"] or [
            (len(path), name) for path, name in beside if one.file.startswith(f"{path}/")
        ]
        if known:
            one.move(max(known)[1])
        elif one.kind in {"Kustomization", "HelmRelease"}:
            what = "it names no namespace, and default is taken; what applies it may set another"
            one.say(("metadata", "name"), what, "import what is on the cluster, or write the namespace")


def _path(one: Foreign) -> str:
    path = one.look("spec", "path") if one.kind == "Kustomization" else None
    inside = folder(path.removeprefix("./")) if isinstance(path, str) else "."
    return "" if inside == "." else inside


def _namespace(one: Foreign) -> str:
    name = one.look("spec", "targetNamespace")
    return name if isinstance(name, str) else ""
