"""Flux's objects that Flux itself applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.importing.foreign import Foreign, Key
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


def absent_parents(objects: Sequence[Foreign]) -> dict[Key, str]:
    """Return what applies objects and is not among them, as people call it, by the identity of the object."""
    known = {one.identity for one in objects}
    marked = ((one, key) for one in objects for key in _marks(one))
    return {
        one.identity: f"{kind} {where}/{name}"
        for one, (kind, where, name) in marked
        if (kind, where, name) not in known
    }


def _by_labels(objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    known = {one.identity: one for one in objects}
    yield from ((known[key], one) for one in objects for key in _marks(one) if key in known)


def _marks(one: Foreign) -> Iterator[Key]:
    """Yield the identity of each object that has applied this one, by the labels that Flux leaves."""
    for kind, group in _MARKS:
        name = one.look("metadata", "labels", f"{group}/name")
        namespace = one.look("metadata", "labels", f"{group}/namespace")
        if isinstance(name, str) and isinstance(namespace, str):
            yield kind, namespace, name


def _by_folders(objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    for parent in objects:
        path = parent.look("spec", "path")
        if parent.kind != "Kustomization" or not isinstance(path, str):
            continue
        inside = folder(path.removeprefix("./"))
        if inside != ".":
            yield from ((parent, one) for one in objects if f"/{inside}/" in f"/{one.file}")
