"""From Argo CD's hands to ours, in the order in which nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.importing.argocd.applications import is_automated
from console.importing.argocd.nested import Made
from console.importing.argocd.sets import Sets
from console.importing.foreign import Foreign, Key
from console.importing.nesting import Nesting
from console.importing.outcome import Draft, Step
from console.importing.steps import looks, out_of_git, switch

_MERGE = "--type merge --patch"
_BY_HAND = '{"spec":{"syncPolicy":{"automated":null}}}'
_KEPT = '{"spec":{"syncPolicy":{"applicationsSync":"create-only","preserveResourcesOnDeletion":true}}}'
"""For sets, which would otherwise put back what is changed on their applications."""
_FREE = '{"metadata":{"finalizers":null}}'


@dataclass(frozen=True, slots=True)
class Moved:
    """What was written in whole, and may be handed over.

    Attributes:
        owners: sets, and applications that no set made.
        made: names of the applications of each set, by its identity; none where its clusters choose them.
    """

    owners: Sequence[Foreign]
    made: Mapping[Key, Sequence[str]]


def moved_of(objects: Sequence[Foreign], sets: Sets, made: Made, taken: Sequence[Draft]) -> Moved:
    """Return what may be handed over: what was written in whole; of sets that were not, this is said."""
    count = Counter[Key]()
    for draft in taken:
        count[draft.owner.identity] += len(draft.origins) or 1
    owners: list[Foreign] = []
    names: dict[Key, Sequence[str]] = {}
    for one in objects:
        if not one.placed or not count[one.identity]:
            continue
        if one.kind == "ApplicationSet":
            found = sets[one.identity]
            if not found.whole or count[one.identity] < len(found.applications):
                one.say((), "not all that it makes was written, so that the hand-over leaves it out", "see above")
                continue
            each = made.get(one.identity) or (() if found.select else found.applications)
            names[one.identity] = sorted(application.name for application in each)
        owners.append(one)
    return Moved(owners, names)


def steps_for(moved: Moved, drafts: Sequence[Draft], nesting: Nesting) -> tuple[Step, ...]:
    """Return the steps for what was written and is handed over: nothing else is suspended or deleted; none for nothing.

    What applies others comes before them each time: it would put back what is changed on them.

    Args:
        moved: the objects to hand over.
        drafts: what was written, those that are not handed over included.
        nesting: who applies whom.
    """
    owners = nesting.parents_first(moved.owners)
    sets = [one for one in owners if one.kind == "ApplicationSet"]
    kept = tuple(f"{_kubectl(one)} patch applicationset {one.name} {_MERGE} '{_KEPT}'" for one in sets)
    moves = {one.identity for one in owners}
    over = [draft for draft in drafts if draft.owner.identity in moves]
    if not over:
        return ()
    by_hand = [draft.name for draft in over if not is_automated(draft.first)]
    manual = f" These were not synced automatically; give them `mode: manual`: {', '.join(by_hand)}." if by_hand else ""
    return (
        Step("Suspend Argo CD, which goes on showing what it sees.", kept + _each(owners, moved, _BY_HAND)),
        Step(
            "Commit the documents; store the credentials of their repositories, and name them by `credentials`. The "
            "first run writes nothing (`mode: warn`): see that it would change the labels and annotations of tracking "
            "alone.",
            looks(over),
        ),
        *out_of_git("Argo CD", nesting.parents(owners)),
        Step(switch([draft for draft in drafts if draft.owner.identity not in moves]) + manual),
        Step(
            "Take the finalizer off each application, so that its end does not delete what it deployed.",
            tuple(f"{_kubectl(one)} patch applicationset {one.name} {_MERGE} '{_FREE}'" for one in sets)
            + _each(owners, moved, _FREE),
        ),
        Step(
            "Only then delete Argo CD's objects: each command looks first that no finalizer has come back.",
            tuple(line for one in owners for line in _end(one, moved)),
        ),
    )


def _each(owners: Sequence[Foreign], moved: Moved, patch: str) -> tuple[str, ...]:
    """Return a patch of every application, those that sets made included."""
    lines = []
    for one in owners:
        for name, note in _names(one, moved):
            lines.append(f"{_kubectl(one)} patch application {name} {_MERGE} '{patch}'{note}")
    return tuple(lines)


def _names(one: Foreign, moved: Moved) -> list[tuple[str, str]]:
    if one.kind == "Application":
        return [(one.name, "")]
    names = moved.made.get(one.identity, ())
    return [(name, "") for name in names] or [("NAME", f"  # each NAME that {one.name} made")]


def _end(one: Foreign, moved: Moved) -> list[str]:
    lines = [_delete(one, one.kind.lower(), one.name)]
    if one.kind == "ApplicationSet":
        lines += [_delete(one, "application", name) + note for name, note in _names(one, moved)]
    return lines


def _delete(one: Foreign, kind: str, name: str) -> str:
    """Return a command that deletes an object only if it was read and has no finalizer.

    Whoever still applies the object may have put one back, and then its end deletes what it deployed, whatever
    ``--cascade`` says: that is about owner references alone.
    """
    check = f"{_kubectl(one)} get {kind} {name} --output 'jsonpath=finalizers:{{.metadata.finalizers}}'"
    return f"{check} | grep -qx finalizers: && {_kubectl(one)} delete {kind} {name} --cascade=orphan"


def _kubectl(one: Foreign) -> str:
    namespace = one.namespace if one.has("metadata", "namespace") else "argocd"
    return f"kubectl --namespace {namespace}"
