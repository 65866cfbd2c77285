"""From Flux's hands to ours, in the order in which nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

from console.importing.foreign import Foreign
from console.importing.nesting import Nesting, named
from console.importing.outcome import Draft, Step


def steps_for(drafts: Sequence[Draft], nesting: Nesting) -> tuple[Step, ...]:
    """Return the steps for what was written: nothing else is suspended or deleted.

    What applies others comes before them each time: it would put back what is changed on them.
    """
    owners = nesting.with_parents([draft.owner for draft in drafts if draft.owner.placed])
    objects = nesting.parents_first(owners)
    return (
        Step("Suspend Flux.", tuple(_patch(one, '{"spec":{"suspend":true}}') for one in objects)),
        Step(
            "Commit the documents, with credentials and keys stored as `credentials` and `decrypt` name them. The "
            "first run writes nothing (`mode: warn`): see that it would change the labels and annotations of tracking "
            "alone.",
            tuple(f"flotilla diff {draft.clusters[0]}/{draft.name}" for draft in drafts),
        ),
        *_out_of_git(nesting.parents(objects)),
        Step("Set `sync.mode: enforce` and commit: the next run takes over."),
        Step(
            "See that the end of Flux's objects deletes nothing: Kustomizations must not prune. HelmReleases must be "
            "suspended still, or Flux uninstalls their releases.",
            tuple(_patch(one, '{"spec":{"prune":false}}') for one in objects if one.kind == "Kustomization")
            + tuple(_read(one) for one in objects if one.kind == "HelmRelease"),
        ),
        Step("Only then delete Flux's objects.", tuple(f"{_kubectl(one)} delete {_resource(one)}" for one in objects)),
    )


def _out_of_git(parents: Sequence[Foreign]) -> tuple[Step, ...]:
    if not parents:
        return ()
    return (
        Step(
            "Take Flux's own objects out of what these apply, in Git; while they are suspended, that deletes nothing. "
            f"Otherwise Flotilla would put them back when you delete them: {named(parents)}."
        ),
    )


def _resource(one: Foreign) -> str:
    return f"{one.kind.lower()}.{one.group}/{one.name}"


def _kubectl(one: Foreign) -> str:
    return f"kubectl --namespace {one.namespace}"


def _patch(one: Foreign, patch: str) -> str:
    return f"{_kubectl(one)} patch {_resource(one)} --type merge --patch '{patch}'"


def _read(one: Foreign) -> str:
    return f"{_kubectl(one)} get {_resource(one)} --output 'jsonpath={{.spec.suspend}}'  # must say true"
