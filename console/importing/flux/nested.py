"""Flux's objects that Flux itself applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.importing.foreign import Foreign
from console.importing.nesting import Nesting
from console.importing.words import folder

_MARKS = (("Kustomization", "kustomize.toolkit.fluxcd.io"), ("HelmRelease", "helm.toolkit.fluxcd.io"))


def nesting(objects: Sequence[Foreign]) -> Nesting:
    """Return which objects apply which: by the labels that Flux leaves, or because a file is in a folder of theirs."""
    return Nesting([*_by_labels(objects), *_by_folders(objects)])


def drop_marks(objects: Sequence[Foreign]) -> None:
    """Take the labels and annotations of Flux's objects that are Flux's own: who applied them, and when to look."""
    for one in objects:
        for part in ("labels", "annotations"):
            for key in one.keys("metadata", part):
                if key.partition("/")[0].endswith("fluxcd.io"):
                    one.drop("metadata", part, key)


def _by_labels(objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    known = {one.identity: one for one in objects}
    for one in objects:
        for kind, group in _MARKS:
            name = one.look("metadata", "labels", f"{group}/name")
            namespace = one.look("metadata", "labels", f"{group}/namespace")
            parent = (
                known.get((kind, namespace, name)) if isinstance(name, str) and isinstance(namespace, str) else None
            )
            if parent is not None:
                yield parent, one


def _by_folders(objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    for parent in objects:
        path = parent.look("spec", "path")
        if parent.kind != "Kustomization" or not isinstance(path, str):
            continue
        inside = folder(path.removeprefix("./"))
        if inside != ".":
            yield from ((parent, one) for one in objects if f"/{inside}/" in f"/{one.file}")
