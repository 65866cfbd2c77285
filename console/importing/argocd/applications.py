"""Argo CD's Applications as the registry's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from common.domain.fleet import lent
from common.yaml import Path
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.sources import Mapped, mapped
from console.importing.foreign import Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import duration, name_of, without_nothing

DEFAULT = "default"
_DONE_HERE = frozenset(
    {
        "ApplyOutOfSyncOnly=true",
        "FailOnSharedResource=true",
        "PruneLast=true",
        "PrunePropagationPolicy=foreground",
        "RespectIgnoreDifferences=true",
        "ServerSideApply=true",
        "SkipDryRunOnMissingResource=true",
        "Validate=true",
    }
)
"""Sync options that say what is always done here."""
_PLAIN_PATH = re.compile(r"(\.[A-Za-z0-9_-]+)+")


def drafts_of(
    applications: Sequence[Foreign],
    together: str,
    clusters: Clusters,
    projects: Mapping[str, Any],
    select: Mapping[str, Any] | None = None,
) -> list[Draft]:
    """Return the registry's applications: those that differ by their cluster alone become one.

    Args:
        applications: of one set, or a single one.
        together: the name of what they become if they become one.
        clusters: tells which cluster a destination is.
        projects: that are imported too.
        select: in place of destinations, where the clusters are chosen by labels.
    """
    folded: dict[str, tuple[list[Foreign], dict[str, Any], list[str]]] = {}
    for one in applications:
        spec = _spec(one, projects)
        cluster = "" if select else clusters.of(one, ("spec", "destination"))
        key = json.dumps(spec, sort_keys=True, default=str)
        alike, _, names = folded.setdefault(key, ([], spec, []))
        alike.append(one)
        names.append(cluster)
    drafts = []
    for alike, spec, names in folded.values():
        one = alike[0]
        name = name_of(together if len(folded) == 1 else one.name if len(alike) == 1 else _shared(together, alike))
        drafts.append(Draft(one, name, spec, tuple(sorted({*names} - {""})), select or {}))
    return drafts


def _shared(together: str, alike: Sequence[Foreign]) -> str:
    """Return a name for applications of one set that differ by their cluster: the set's, and what theirs begin with."""
    parts = zip(*(one.name.split("-") for one in alike), strict=False)
    begin = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, parts)]
    return "-".join((together, *begin)) if begin else alike[0].name


def _spec(one: Foreign, projects: Mapping[str, Any]) -> dict[str, Any]:
    namespace = one.take("spec", "destination", "namespace")
    if namespace is None:
        one.say(("spec", "destination"), "it names no namespace; default is written", "correct it")
    one.take("spec", "revisionHistoryLimit")
    one.take("metadata", "finalizers")
    sync = {**FIRST, **_sync(one)}
    return without_nothing({"project": _project(one, projects)}) | {
        **_sources(one),
        "namespace": str(namespace or DEFAULT),
        **({"createNamespace": True} if _option(one, "CreateNamespace") == "true" else {}),
        "sync": sync,
    }


def _project(one: Foreign, projects: Mapping[str, Any]) -> str:
    named = str(one.take("spec", "project", default=DEFAULT))
    if projects and named not in projects:
        what = f"its project {named} is not among the files"
        one.say(("spec", "project"), what, "name a file with it too, or declare a Project")
    elif not projects and named != DEFAULT:
        what = f"its project {named} is not among the files, and is left out"
        one.say(("spec", "project"), what, "name a file with it too, if the registry is to have Projects")
    return named if projects else ""


def _sources(one: Foreign) -> dict[str, Any]:
    count = one.count("spec", "sources")
    if not count:
        only = mapped(one, ("spec", "source"))
        one.unmapped(("spec", "source", "ref"))
        return without_nothing({"source": only.source, "render": only.render, "values": only.values})
    found = [mapped(one, ("spec", "sources", n)) for n in range(count)]
    names = [_name(one, ("spec", "sources", n), n) for n in range(count)]
    sources = [{"name": name, **source.source} for name, source in zip(names, found, strict=True)]
    lenders = {of[0] for file in _files(found) if (of := lent(file)) is not None}
    sources = [source for n, source in enumerate(sources) if not _idle(one, n, source["name"], lenders)]
    return without_nothing({"sources": sources, **_together(one, found)})


def _name(one: Foreign, path: Path, number: int) -> str:
    ref, name = one.take(*path, "ref"), one.take(*path, "name")
    return name_of(str(ref or name or f"source-{number + 1}"))


def _idle(one: Foreign, number: int, name: str, lenders: set[str]) -> bool:
    """Tell whether a source is only named for others, none of which asks for it."""
    path = ("spec", "sources", number)
    named_only = one.look(*path, "ref") is not None and one.look(*path, "path") is None
    if name in lenders and not named_only:
        one.say((*path, "path"), "a source that lends files is not rendered here", "name the repository once more")
    return named_only and one.look(*path, "chart") is None and name not in lenders


def _files(found: Sequence[Mapped]) -> Iterator[str]:
    for source in found:
        yield from source.render.get("helm", {}).get("valuesFiles", ())


def _together(one: Foreign, found: Sequence[Mapped]) -> dict[str, Any]:
    """Return the settings of several sources: there is one set of them for all."""
    with_any = [source for source in found if source.render or source.values]
    for n, source in enumerate(found):
        if source in with_any[1:]:
            what = "settings of a second source; there is one set of them for all sources"
            one.say(("spec", "sources", n), what, "put what differs into another application")
    first = with_any[0] if with_any else Mapped({})
    return without_nothing({"render": first.render, "values": first.values})


def _option(one: Foreign, name: str) -> str:
    options = one.look("spec", "syncPolicy", "syncOptions") or []
    return next((str(text).partition("=")[2] for text in options if str(text).startswith(f"{name}=")), "")


def _sync(one: Foreign) -> dict[str, Any]:
    path = ("spec", "syncPolicy")
    automated = one.look(*path, "automated")
    prune = bool(one.take(*path, "automated", "prune")) and _option(one, "Prune") != "false"
    if one.take(*path, "automated", "allowEmpty"):
        what = "allowEmpty has no place: what renders to nothing removes nothing here"
        one.say((*path, "automated", "allowEmpty"), what, "retire the application to remove it")
    one.take(*path, "automated", "selfHeal")
    one.take(*path, "automated", "enabled")
    if automated is not None:
        one.take(*path, "automated")
    for n in range(one.count(*path, "syncOptions")):
        _check_option(one, (*path, "syncOptions", n))
    return without_nothing(
        {
            "prune": {} if prune else {"enabled": False},
            "retry": _retry(one, (*path, "retry")),
            "ignore": [rule for n in range(one.count("spec", "ignoreDifferences")) if (rule := _ignore(one, n))],
        }
    )


def _check_option(one: Foreign, path: Path) -> None:
    text = str(one.take(*path))
    if text not in _DONE_HERE and text.partition("=")[0] not in {"CreateNamespace", "Prune"}:
        one.say(path, f"the sync option {text} has no place", "see docs/reference/waves-and-hooks.md")


def _retry(one: Foreign, path: Path) -> dict[str, Any]:
    limit = one.take(*path, "limit")
    if isinstance(limit, int) and limit < 0:
        one.say((*path, "limit"), "retries have a bound here; 100 is written", "correct it")
        limit = 100
    back = (*path, "backoff")
    given = {
        "limit": limit,
        "base": duration(one.take(*back, "duration")),
        "factor": one.take(*back, "factor"),
        "ceiling": duration(one.take(*back, "maxDuration")),
    }
    return without_nothing(given)


def _ignore(one: Foreign, number: int) -> dict[str, Any]:
    path = ("spec", "ignoreDifferences", number)
    pointers = [str(pointer) for pointer in one.take(*path, "jsonPointers", default=[])]
    for n in range(one.count(*path, "jqPathExpressions")):
        expression = str(one.take(*path, "jqPathExpressions", n))
        if _PLAIN_PATH.fullmatch(expression):
            pointers.append(expression.replace(".", "/"))
        else:
            one.say((*path, "jqPathExpressions", n), "a jq expression has no place", "write JSON pointers")
    managers = [str(manager) for manager in one.take(*path, "managedFieldsManagers", default=[])]
    rule = {key: one.take(*path, key) for key in ("kind", "group", "namespace", "name")}
    return without_nothing({**rule, "paths": pointers, "managers": managers}) if pointers or managers else {}
