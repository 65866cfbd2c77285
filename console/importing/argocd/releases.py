"""What a chart's release is called: Argo CD has the application's name for it, and templates have it in theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.domain.refs import DNS_LABEL
from console.importing.argocd.generators import Checkouts
from console.importing.argocd.sets import Sets
from console.importing.foreign import Key
from console.importing.outcome import Draft
from console.importing.words import git_url

_MOST_NAMED = 5
_RENAMED = "objects would be made once more under other names"


def is_chart(spec: Mapping[str, Any], checkouts: Checkouts) -> bool | None:
    """Tell whether an application without a release name of its own is a chart; None where the files do not tell.

    Args:
        spec: the registry's.
        checkouts: folders of repositories, which tell of a folder whether it is a chart.
    """
    render = spec.get("render", {})
    if render.get("helm", {}).get("releaseName") or (render and "helm" not in render):
        return False
    sources = spec.get("sources") or [spec.get("source", {})]
    if render or any("helm" in source for source in sources):
        return True
    held = {git_url(url): files for url, files in checkouts.items()}
    told = [_has_chart(source, held.get(str(source.get("repo", "")))) for source in sources]
    return True if True in told else None if None in told else False


def _has_chart(source: Mapping[str, Any], files: Mapping[str, bytes] | None) -> bool | None:
    return None if files is None else f"{source.get('path', '.')}/Chart.yaml".removeprefix("./") in files


def with_releases(drafts: Sequence[Draft], sets: Sets, checkouts: Checkouts) -> list[Draft]:
    """Return drafts in which the release is called as in Argo CD where the application is called otherwise.

    Where one document cannot say that, or where it is not known whether there is a release, it is told.
    """
    return [_with_release(draft, sets, checkouts) for draft in drafts]


def _with_release(draft: Draft, sets: Sets, checkouts: Checkouts) -> Draft:
    names = _names(draft, sets)
    chart = is_chart(draft.spec, checkouts)
    if chart is False or names == [draft.name]:
        return draft
    if chart and len(names) == 1 and DNS_LABEL.fullmatch(names[0]):
        render = draft.spec.get("render", {})
        helm = {**render.get("helm", {}), "releaseName": names[0]}
        return replace(draft, spec={**draft.spec, "render": {**render, "helm": helm}})
    shown = ", ".join(names[:_MOST_NAMED]) + (" and more" if len(names) > _MOST_NAMED else "")
    if chart:
        what = (
            f"its release is called {shown} in Argo CD, which cannot be said: {_RENAMED}, so that the hand-over leaves "
            "it out"
        )
        remedy = "import the applications that it made with it, or write one for each cluster, with its releaseName"
    else:
        what = f"if what it renders is a chart, its release is called {shown} in Argo CD, and here {draft.name}"
        remedy = f"write render.helm.releaseName then, or {_RENAMED}; with --checkout URL=DIR that is looked up"
    draft.first.say((), what, remedy)
    return draft


def unsaid(drafts: Sequence[Draft], sets: Sets, checkouts: Checkouts) -> set[Key]:
    """Return the owners of those drafts, as ``with_releases`` gives them, whose release is still called otherwise."""
    return {one.owner.identity for one in drafts if is_chart(one.spec, checkouts) and _names(one, sets) != [one.name]}


def _names(draft: Draft, sets: Sets) -> list[str]:
    """Return what Argo CD calls its applications."""
    if draft.select:
        return [sets[draft.owner.identity].named]
    return sorted({one.name for one in draft.origins or (draft.owner,)})
