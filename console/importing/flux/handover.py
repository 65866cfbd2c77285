"""From Flux's hands to ours, in the order in which nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.importing.foreign import Foreign, Key
from console.importing.nesting import Nesting
from console.importing.outcome import Draft, Step
from console.importing.steps import looks, out_of_git, switch

_KEPT = '{"spec":{"prune":false,"deletionPolicy":"Orphan"}}'
"""``deletionPolicy`` counts before ``prune``, https://fluxcd.io/flux/components/kustomize/kustomizations/#deletion-policy;
a cluster that does not know it yet warns, and goes by ``prune``."""


def steps_for(drafts: Sequence[Draft], nesting: Nesting, absent: Mapping[Key, str]) -> tuple[Step, ...]:
    """Return the steps for what was written and can be let go: nothing else is suspended or deleted; none for nothing.

    What applies others comes before them each time: it would put back what is changed on them.

    Args:
        drafts: what was written.
        nesting: who applies whom.
        absent: parents that are not among the files, by the identity of their children: those are left out.
    """
    free = [draft.owner for draft in drafts if draft.owner.placed and not _is_held(draft.owner, absent)]
    objects = nesting.parents_first(nesting.with_parents(free))
    moved = {one.identity for one in objects}
    over = [draft for draft in drafts if draft.owner.identity in moved]
    if not over:
        return ()
    patched = tuple(_patch(one, _KEPT) for one in objects if one.kind == "Kustomization")
    unpruned = Step("See that the end of Flux's Kustomizations deletes nothing: they must not prune.", patched)
    return (
        Step("Suspend Flux.", tuple(_patch(one, '{"spec":{"suspend":true}}') for one in objects)),
        Step(
            "Commit the documents, with credentials and keys stored as `credentials` and `decrypt` name them. The "
            "first run writes nothing (`mode: warn`): see that it would change the labels and annotations of tracking "
            "alone.",
            looks(over),
        ),
        *out_of_git("Flux", nesting.parents(objects)),
        Step(switch([draft for draft in drafts if draft.owner.identity not in moved])),
        *((unpruned,) if patched else ()),
        Step(
            "Only then delete Flux's objects: each command looks first that `suspend` says true, or Flux would "
            "uninstall the release, or prune.",
            tuple(_end(one) for one in objects),
        ),
    )


def _is_held(one: Foreign, absent: Mapping[Key, str]) -> bool:
    """Tell whether a parent that goes on would undo what is changed on it, which is said of it."""
    parent = absent.get(one.identity)
    if parent is not None:
        one.say(
            (),
            f"{parent} applies it, and is not among the files",
            "import that too: as it goes on it undoes a suspension by kubectl, so that the hand-over leaves this out; "
            "or part the two in its Git first, as step 3 of `Move from Flux` says",
        )
    return parent is not None


def _patch(one: Foreign, patch: str) -> str:
    return _on(one, "patch", f"--type merge --patch '{patch}'")


def _end(one: Foreign) -> str:
    """Return what deletes an object if it is suspended: its end then deletes nothing, whatever else it says."""
    check = _on(one, "get", "--output 'jsonpath={.spec.suspend}'")
    return f"{check} | grep -qx true && {_on(one, 'delete')}"


def _on(one: Foreign, verb: str, more: str = "") -> str:
    return f"kubectl --namespace {one.namespace} {verb} {one.kind.lower()}.{one.group}/{one.name} {more}".rstrip()
