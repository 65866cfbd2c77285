"""Argo CD's Applications, ApplicationSets and AppProjects.

Fields: https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml and ``applicationset.yaml`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.importing.argocd.applications import drafts_of
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.generators import Checkouts
from console.importing.argocd.handover import steps_for
from console.importing.argocd.projects import project_of
from console.importing.argocd.sets import expanded
from console.importing.foreign import nothing, read
from console.importing.outcome import Imported, outcome

GROUP = "argoproj.io"


def from_argocd(
    files: Mapping[str, bytes], *, servers: Mapping[str, str] | None = None, checkouts: Checkouts | None = None
) -> Imported:
    """Return what Argo CD's objects are in the registry.

    Args:
        files: contents by name, as ``kubectl get -o yaml`` or people write them. Secrets that declare clusters tell
            their names, servers and labels; nothing else is read of them.
        servers: names of clusters by their server's URL, or by the name that Argo CD has for them.
        checkouts: folders of repositories that generators look into, by URL.

    Raises:
        NothingToImportError: there is no Application, ApplicationSet or AppProject.
    """
    objects, wrong = read(files)
    ours = [one for one in objects if one.group == GROUP]
    clusters = Clusters(objects, servers or {})
    projects = {one.name: project_of(one) for one in ours if one.kind == "AppProject"}
    drafts = []
    for one in ours:
        if one.kind == "Application":
            drafts += drafts_of([one], one.name, clusters, projects)
        elif one.kind == "ApplicationSet":
            found = expanded(one, clusters, checkouts or {})
            objects += found.applications
            drafts += drafts_of(found.applications, one.name, clusters, projects, found.select)
        elif one.kind != "AppProject":
            one.say((), f"a {one.kind} has no place in the registry", "see whether it is needed")
    if not drafts and not projects:
        raise nothing(kinds="Application, ApplicationSet or AppProject", objects=ours, wrong=wrong)
    others = [one for one in objects if one not in ours and one.group == GROUP]
    return outcome(drafts, projects, [*ours, *others], wrong, steps_for(ours, drafts))
