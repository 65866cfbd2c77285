"""Flux's Kustomizations and HelmReleases, with the sources that they name.

Fields: https://fluxcd.io/flux/components/ (``kustomize.toolkit.fluxcd.io/v1``, ``helm.toolkit.fluxcd.io/v2``,
``source.toolkit.fluxcd.io/v1``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.importing.flux.handover import steps_for
from console.importing.flux.kustomizations import kustomization
from console.importing.flux.releases import release
from console.importing.flux.sources import Sources
from console.importing.foreign import Foreign, nothing, read
from console.importing.outcome import Draft, Imported, outcome
from console.importing.words import name_of

_GROUPS = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io")
_SOURCES = frozenset({"GitRepository", "OCIRepository", "HelmRepository", "HelmChart"})


def from_flux(files: Mapping[str, bytes], *, cluster: str) -> Imported:
    """Return what Flux's objects on one cluster are in the registry.

    Args:
        files: contents by name, as ``kubectl get -o yaml`` or people write them.
        cluster: the registry's name of the cluster that they are on.

    Raises:
        NothingToImportError: there is no Kustomization and no HelmRelease.
    """
    objects, wrong = read(files)
    ours = [one for one in objects if one.group in _GROUPS]
    sources = Sources([one for one in ours if one.kind in _SOURCES])
    drafts = []
    for one in ours:
        if one.kind == "Kustomization":
            drafts += kustomization(one, sources, cluster)
        elif one.kind == "HelmRelease":
            drafts += release(one, sources, cluster)
        elif one.kind not in _SOURCES:
            one.say((), f"a {one.kind} has no place in the registry", "see whether it is needed")
    if not drafts:
        raise nothing(kinds="Kustomization and no HelmRelease", objects=ours, wrong=wrong)
    sources.say_unused()
    named = _apart(drafts)
    return outcome(named, {}, ours, wrong, steps_for(named))


def _apart(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with names that differ: of those of one name in several namespaces, all have the namespace."""
    count = Counter(draft.name for draft in drafts)
    return [replace(draft, name=_full(draft.origin)) if count[draft.name] > 1 else draft for draft in drafts]


def _full(one: Foreign) -> str:
    return name_of(one.namespace, one.name)
