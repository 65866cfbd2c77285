"""From Argo CD's hands to ours, in the order in which nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

from console.importing.foreign import Foreign
from console.importing.outcome import Draft, Step

_MERGE = "--type merge --patch"
_BY_HAND = '{"spec":{"syncPolicy":{"automated":null}}}'
_KEPT = '{"spec":{"syncPolicy":{"applicationsSync":"create-only","preserveResourcesOnDeletion":true}}}'
"""For sets, which would otherwise put back what is changed on their applications."""
_FREE = '{"metadata":{"finalizers":null}}'


def steps_for(objects: Sequence[Foreign], drafts: Sequence[Draft]) -> tuple[Step, ...]:
    """Return the steps for these objects of Argo CD."""
    sets = [one for one in objects if one.kind == "ApplicationSet"]
    single = [one for one in objects if one.kind == "Application"]
    kept = tuple(f"{_kubectl(one)} patch applicationset {one.name} {_MERGE} '{_KEPT}'" for one in sets)
    by_hand = [draft.name for draft in drafts if draft.origin.look("spec", "syncPolicy", "automated") is None]
    manual = f" These were not synced automatically; give them `mode: manual`: {', '.join(by_hand)}." if by_hand else ""
    return (
        Step("Suspend Argo CD, which goes on showing what it sees.", kept + _each(single, sets, _BY_HAND)),
        Step(
            "Commit the documents; store the credentials of their repositories, and name them by `credentials`. The "
            "first run writes nothing (`mode: warn`): see that it would change the labels and annotations of tracking "
            "alone.",
            tuple(f"flotilla diff {_cluster(draft)}/{draft.name}" for draft in drafts),
        ),
        Step(f"Set `sync.mode: enforce` and commit: the next run takes over.{manual}"),
        Step(
            "Take the finalizer off each application, so that its end does not delete what it deployed.",
            _each(single, sets, _FREE),
        ),
        Step("Only then delete Argo CD's objects.", tuple(_end(one) for one in [*sets, *single])),
    )


def _each(single: Sequence[Foreign], sets: Sequence[Foreign], patch: str) -> tuple[str, ...]:
    """Return a patch of every application, those that sets made included."""
    own = [f"{_kubectl(one)} patch application {one.name} {_MERGE} '{patch}'" for one in single]
    made = [
        f"{_kubectl(one)} patch application NAME {_MERGE} '{patch}'  # each NAME that {one.name} made" for one in sets
    ]
    return (*own, *made)


def _end(one: Foreign) -> str:
    kind = one.kind.lower()
    after = "" if kind == "application" else "  # and then each application that it made"
    return f"{_kubectl(one)} delete {kind} {one.name} --cascade=orphan{after}"


def _cluster(draft: Draft) -> str:
    return draft.clusters[0] if draft.clusters else "CLUSTER"


def _kubectl(one: Foreign) -> str:
    namespace = one.namespace if one.look("metadata", "namespace") else "argocd"
    return f"kubectl --namespace {namespace}"
