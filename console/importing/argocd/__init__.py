"""Argo CD's Applications, ApplicationSets and AppProjects, and what its ``argocd-cm`` says of kinds.

Fields: https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml and ``applicationset.yaml`` beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from console.importing.argocd.applications import drafts_of
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.customizations import customizations
from console.importing.argocd.generators import Checkouts
from console.importing.argocd.handover import moved_of, steps_for
from console.importing.argocd.nested import Made, drop_marks, left_alone, made_by_sets, nesting
from console.importing.argocd.projects import projects_of
from console.importing.argocd.releases import unsaid, with_releases
from console.importing.argocd.sets import Sets, expanded
from console.importing.foreign import Foreign, NothingToImportError, sorted_findings
from console.importing.outcome import Draft, Imported, file_of, written
from console.importing.reading import read

GROUP = "argoproj.io"
_KINDS = frozenset({"Application", "ApplicationSet", "AppProject"})
_OTHER_PROJECTS = frozenset(
    {
        "Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "Experiment", "Workflow",
        "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow", "EventBus", "EventSource", "Sensor",
    }
)  # fmt: skip
"""Kinds of the same API group that are no affair of Argo CD: manifests like any other."""


def from_argocd(
    files: Mapping[str, bytes],
    *,
    servers: Mapping[str, str] | None = None,
    checkouts: Checkouts | None = None,
    found: Collection[str] = (),
) -> Imported:
    """Return what Argo CD's objects are in the registry.

    Args:
        files: contents by name, as ``kubectl get -o yaml`` or people write them. Secrets that declare clusters tell
            their names, servers and labels; nothing else is read of them. A ConfigMap ``argocd-cm`` tells rules of
            health and ignored fields.
        servers: names of clusters by their server's URL, or by the name that Argo CD has for them.
        checkouts: folders of repositories that generators look into, by URL.
        found: names of those files that were in a folder, and need not be of Argo CD.

    Raises:
        NothingToImportError: there is no object of Argo CD, and nothing wrong that could be one.
    """
    given = read(files, (GROUP,), found)
    ours = [one for one in given.objects if one.kind in _KINDS]
    passed = given.passed + sum(one.kind in _OTHER_PROJECTS for one in given.objects)
    for one in given.objects:
        if one.kind not in _KINDS | _OTHER_PROJECTS:
            one.set_aside((), f"a {one.kind} has no place in the registry", "see whether it is needed")
    told = [one for one in given.objects if one.kind not in _OTHER_PROJECTS]
    customs = customizations(given.others)
    if not told and not given.wrong and not customs.documents and not customs.findings and not customs.ignore:
        message = "the files hold no Application, ApplicationSet or AppProject"
        raise NothingToImportError(message, remedy="Name files that do.")
    drop_marks(ours)
    called, projects = projects_of([one for one in ours if one.kind == "AppProject"])
    clusters = Clusters(given.others, servers or {})
    made = made_by_sets(ours)
    sets = {
        one.identity: expanded(one, clusters, checkouts or {}, made.get(one.identity, []))
        for one in ours
        if one.kind == "ApplicationSet"
    }
    taken = written([customs.into(draft) for draft in _drafts(ours, sets, made, clusters, called, checkouts or {})])
    taken = with_releases(taken, sets, checkouts or {})
    whole = nesting(ours, made)
    whole.say("Argo CD")
    alone = left_alone(ours) | unsaid(taken, sets, checkouts or {})
    moved = moved_of([one for one in ours if one.identity not in alone], sets, made, taken)
    steps = steps_for(replace(moved, owners=whole.with_parents(moved.owners)), taken, whole) if taken else ()
    findings = [*told, *(one for each in sets.values() for one in each.applications)]
    documents = {**customs.documents, **projects, **{file_of(draft): draft.document for draft in taken}}
    return Imported(
        documents, sorted_findings(*(one.findings() for one in findings), given.wrong, customs.findings), steps, passed
    )


def _drafts(
    objects: Sequence[Foreign],
    sets: Sets,
    made: Made,
    clusters: Clusters,
    projects: Mapping[str, str],
    checkouts: Checkouts,
) -> list[Draft]:
    of_sets = {one.identity: key for key, each in made.items() for one in each}
    drafts: list[Draft] = []
    for one in objects:
        if one.kind == "ApplicationSet":
            found = sets[one.identity]
            drafts += drafts_of(found.applications, one, clusters, projects, checkouts, found.select)
        elif one.kind == "Application" and one.identity not in of_sets:
            drafts += drafts_of([one], one, clusters, projects, checkouts)
        elif one.kind == "Application" and sets[of_sets[one.identity]].select:
            one.drop()
    return drafts
