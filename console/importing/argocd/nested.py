"""Argo CD's objects that Argo CD itself applies: applications of applications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.importing.foreign import Foreign, Key
from console.importing.nesting import Nesting
from console.importing.words import folder

_TRACKING = "argocd.argoproj.io/tracking-id"
_OWN = (_TRACKING, "argocd.argoproj.io/installation-id", "argocd.argoproj.io/refresh")
"""Marks of Argo CD on its own objects."""
_INSTANCE = "app.kubernetes.io/instance"


Made = Mapping[Key, Sequence[Foreign]]
"""Applications that sets have made, by the identity of the set."""


def made_by_sets(objects: Sequence[Foreign]) -> dict[Key, list[Foreign]]:
    """Return the applications that sets among the objects have made, by the set's identity."""
    sets = {one.identity: one for one in objects if one.kind == "ApplicationSet"}
    found: dict[Key, list[Foreign]] = {}
    for one in objects:
        owners = one.look("metadata", "ownerReferences") if one.kind == "Application" else None
        for owner in owners if isinstance(owners, list) else ():
            name = owner.get("name") if isinstance(owner, Mapping) and owner.get("kind") == "ApplicationSet" else None
            key = ("ApplicationSet", one.namespace, name if isinstance(name, str) else "")
            if key in sets:
                found.setdefault(key, []).append(one)
    return found


def nesting(objects: Sequence[Foreign], made: Made) -> Nesting:
    """Return which objects apply which: by Argo CD's marks on them, or because a file is in a folder of theirs.

    What an application of a set applies, the set does: it is that which is handed over.
    """
    applications = [one for one in objects if one.kind == "Application"]
    sets = {one.identity: one for one in objects if one.kind == "ApplicationSet"}
    by_set = {one.identity: sets[key] for key, each in made.items() for one in each}
    pairs = (*_by_marks(applications, objects), *_by_folders(applications, objects))
    return Nesting((by_set.get(up.identity, up), one) for up, one in pairs if one.identity not in by_set)


def drop_marks(objects: Sequence[Foreign]) -> None:
    """Take the marks of Argo CD's objects that are Argo CD's own: who applied them, and when to look."""
    names = {one.name for one in objects if one.kind == "Application"}
    for one in objects:
        for mark in _OWN:
            one.drop("metadata", "annotations", mark)
        instance = one.look("metadata", "labels", _INSTANCE)
        if isinstance(instance, str) and instance in names:
            one.drop("metadata", "labels", _INSTANCE)


def _by_marks(applications: Sequence[Foreign], objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    known = {one.name: one for one in applications}
    for one in objects:
        tracked = one.look("metadata", "annotations", _TRACKING)
        name = tracked.partition(":")[0] if isinstance(tracked, str) else one.look("metadata", "labels", _INSTANCE)
        # Of an application in another namespace than Argo CD's, the namespace stands before it.
        parent = known.get(name.rpartition("_")[2]) if isinstance(name, str) else None
        if parent is not None:
            yield parent, one


def _by_folders(applications: Sequence[Foreign], objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    for parent in applications:
        path = parent.look("spec", "source", "path")
        inside = folder(path) if isinstance(path, str) else "."
        if inside != ".":
            yield from ((parent, one) for one in objects if f"/{inside}/" in f"/{one.file}")
