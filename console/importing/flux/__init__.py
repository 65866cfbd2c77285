"""Flux's Kustomizations and HelmReleases, with the sources that they name.

Fields: https://fluxcd.io/flux/components/ (``kustomize.toolkit.fluxcd.io/v1``, ``helm.toolkit.fluxcd.io/v2``,
``source.toolkit.fluxcd.io/v1``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from console.importing.flux.handover import steps_for
from console.importing.flux.kustomizations import kustomization
from console.importing.flux.lent import Lent
from console.importing.flux.namespaces import place
from console.importing.flux.nested import absent_parents, drop_marks, nesting
from console.importing.flux.releases import release
from console.importing.flux.sources import Sources
from console.importing.flux.unfilled import say_patched, say_unfilled
from console.importing.foreign import NothingToImportError, sorted_findings
from console.importing.outcome import Draft, Imported, file_of, written
from console.importing.reading import read
from console.importing.words import with_article

_GROUPS = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io")
_OTHERS = ("notification.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "fluxcd.controlplane.io")
_SOURCES = frozenset({"GitRepository", "OCIRepository", "HelmRepository", "HelmChart"})


def from_flux(files: Mapping[str, bytes], *, cluster: str, found: Collection[str] = ()) -> Imported:
    """Return what Flux's objects on one cluster are in the registry.

    Args:
        files: contents by name, as ``kubectl get -o yaml`` or people write them. ConfigMaps among them lend their data
            to what names them; of Secrets nothing is read.
        cluster: the registry's name of the cluster that they are on.
        found: names of those files that were in a folder, and need not be of Flux.

    Raises:
        NothingToImportError: there is no object of Flux, and nothing wrong that could be one.
    """
    given = read(files, (*_GROUPS, *_OTHERS), found)
    place(given.objects, given.others)
    drop_marks(given.objects)
    sources = Sources([one for one in given.objects if one.kind in _SOURCES and one.group == _GROUPS[2]])
    lent = Lent(given.others)
    drafts: list[Draft | None] = []
    for one in given.objects:
        if one.kind == "Kustomization" and one.group in _GROUPS:
            drafts.append(kustomization(one, sources, lent, cluster))
        elif one.kind == "HelmRelease" and one.group in _GROUPS:
            drafts.append(release(one, sources, lent, cluster))
        elif one.kind not in _SOURCES:
            one.set_aside((), f"{with_article(one.kind)} has no place in the registry", "see whether it is needed")
    if not given.objects and not given.wrong:
        message = "the files hold no Kustomization and no HelmRelease"
        raise NothingToImportError(message, remedy="Name files that do.")
    taken = written([draft for draft in drafts if draft is not None])
    whole = nesting(given.objects)
    whole.say("Flux")
    say_patched(given.objects, whole)
    say_unfilled(taken, whole)
    sources.say_unused()
    steps = steps_for(taken, whole, absent_parents(given.objects))
    findings = (*(one.findings() for one in given.objects), given.wrong, sources.missing())
    documents = {file_of(draft): draft.document for draft in taken}
    return Imported(documents, sorted_findings(*findings), steps, given.passed)
