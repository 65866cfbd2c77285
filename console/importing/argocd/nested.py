"""Argo CD's objects that Argo CD itself applies: applications of applications."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from console.importing.foreign import Foreign, Key
from console.importing.nesting import Nesting
from console.importing.words import folder

_TRACKING = "argocd.argoproj.io/tracking-id"
_OWN = (_TRACKING, "argocd.argoproj.io/installation-id", "argocd.argoproj.io/refresh")
"""Marks of Argo CD on its own objects."""
_INSTANCE = "app.kubernetes.io/instance"
_FLUX = (
    ("Kustomization", "kustomize.toolkit.fluxcd.io/name"),
    ("HelmRelease", "helm.toolkit.fluxcd.io/name"),
)
"""Kinds of Flux that apply objects, and their labels on those."""


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


def left_alone(objects: Sequence[Foreign]) -> set[Key]:
    """Return which objects something applies that is not among them; of each it is said what that is.

    It would put back what a hand-over changes: automated sync, and the finalizer by which a deleted application takes
    with it all that it deployed.
    """
    applications = _Known([one for one in objects if one.kind == "Application"])
    sets = {one.identity for one in objects if one.kind == "ApplicationSet"}
    found: set[Key] = set()
    for one in objects:
        parent = next(_strangers(one, applications, sets), "") if one.kind != "AppProject" else ""
        if parent:
            what = f"{parent} applies it, and is not among the files, so that the hand-over leaves it out"
            remedy = (
                "import that too: until it is suspended it puts back automated sync and the finalizer, and what the "
                "application deployed would be deleted with it; if it is gone, remove its mark from this one"
            )
            one.say((), what, remedy)
            found.add(one.identity)
    return found


def drop_marks(objects: Sequence[Foreign]) -> None:
    """Take the marks of Argo CD's objects that are Argo CD's own: who applied them, and when to look."""
    names = {one.name for one in objects if one.kind == "Application"}
    for one in objects:
        for mark in _OWN:
            one.drop("metadata", "annotations", mark)
        instance = one.look("metadata", "labels", _INSTANCE)
        if isinstance(instance, str) and instance in names:
            one.drop("metadata", "labels", _INSTANCE)


class _Known:
    """Applications by the name by which Argo CD marks what they apply.

    Of one in another namespace than Argo CD's, the namespace stands before the name, with ``_`` between them.
    """

    def __init__(self, applications: Sequence[Foreign]) -> None:
        self._by_name: dict[str, list[Foreign]] = {}
        for one in applications:
            self._by_name.setdefault(one.name, []).append(one)

    def marked(self, mark: str) -> list[Foreign]:
        """Return those that a mark may mean: a file need not say in which namespace an application is."""
        namespace, _, name = mark.rpartition("_")
        return [
            one
            for one in self._by_name.get(name, [])
            if not namespace or namespace == one.namespace or not one.has("metadata", "namespace")
        ]


def _mark(one: Foreign) -> str:
    """Return how the application is marked that applies an object; empty where none does."""
    tracked = one.look("metadata", "annotations", _TRACKING)
    name = tracked.partition(":")[0] if isinstance(tracked, str) else one.look("metadata", "labels", _INSTANCE)
    return name if isinstance(name, str) else ""


def _strangers(one: Foreign, applications: _Known, sets: Collection[Key]) -> Iterator[str]:
    """Yield what applies an object, or made it, and is not among those that are known."""
    mark = _mark(one)
    if mark and not applications.marked(mark):
        yield f"Application {mark}"
    owners = one.look("metadata", "ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        kind, name = (owner.get("kind"), owner.get("name")) if isinstance(owner, Mapping) else ("", "")
        if kind and ("ApplicationSet", one.namespace, name if isinstance(name, str) else "") not in sets:
            yield f"{kind} {name}"
    for kind, label in _FLUX:
        name = one.look("metadata", "labels", label)
        if isinstance(name, str):
            yield f"{kind} {name} of Flux"


def _by_marks(applications: Sequence[Foreign], objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    known = _Known(applications)
    for one in objects:
        for parent in known.marked(_mark(one)):
            yield parent, one


def _by_folders(applications: Sequence[Foreign], objects: Sequence[Foreign]) -> Iterator[tuple[Foreign, Foreign]]:
    for parent in applications:
        path = parent.look("spec", "source", "path")
        inside = folder(path) if isinstance(path, str) else "."
        if inside != ".":
            yield from ((parent, one) for one in objects if f"/{inside}/" in f"/{one.file}")
