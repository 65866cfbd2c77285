"""Argo CD's Applications as the registry's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from common.domain.fleet import lent
from common.yaml import Path
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.generators import Checkouts
from console.importing.argocd.releases import is_chart
from console.importing.argocd.sources import Mapped, mapped
from console.importing.fields import take_duration
from console.importing.foreign import Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import name_of, without_nothing

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
_PATTERN = frozenset("*?[{")
_MOST_RETRIES = 100
_FACTORS = (1, 10)


def drafts_of(
    applications: Sequence[Foreign],
    owner: Foreign,
    clusters: Clusters,
    projects: Mapping[str, str],
    checkouts: Checkouts,
    select: Mapping[str, Any] | None = None,
) -> list[Draft]:
    """Return the registry's applications: those that differ by their cluster alone become one.

    Charts differ by the name of their release too, which is the application's in Argo CD.

    Args:
        applications: of one set, or a single one.
        owner: the set or the application; they have its name if they become one.
        clusters: tells which cluster a destination is.
        projects: what those that are imported too are called, by Argo CD's names.
        checkouts: folders of repositories, which tell what is a chart.
        select: in place of destinations, where the clusters are chosen by labels.
    """
    folded: dict[str, tuple[list[Foreign], dict[str, Any], list[str]]] = {}
    for one in applications:
        spec = _spec(one, projects, named=not select)
        if spec is None:
            continue
        cluster = "" if select else clusters.of(one, ("spec", "destination"))
        release = one.name if is_chart(spec, checkouts) else ""
        key = json.dumps([spec, release], sort_keys=True, default=str)
        alike, _, names = folded.setdefault(key, ([], spec, []))
        alike.append(one)
        names.append(cluster)
    drafts = []
    for alike, spec, names in folded.values():
        one = alike[0]
        name = owner.name if len(folded) == 1 else one.name if len(alike) == 1 else _shared(owner.name, alike)
        made_by = () if one is owner else tuple(alike)
        where = tuple(sorted({*names} - {""}))
        ending = "app" if owner.kind == "Application" else "set"
        drafts.append(Draft(owner, ending, name_of(name), spec, where, select or {}, made_by))
    return drafts


def _shared(together: str, alike: Sequence[Foreign]) -> str:
    """Return a name for applications of one set that differ by their cluster: the set's, and what theirs begin with."""
    parts = zip(*(one.name.split("-") for one in alike), strict=False)
    begin = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, parts)]
    return "-".join((together, *begin)) if begin else alike[0].name


def _spec(one: Foreign, projects: Mapping[str, str], *, named: bool) -> dict[str, Any] | None:
    """Return all of an application's spec but its targets; None, which is said, where it has no source."""
    if not (one.has("spec", "source") or one.has("spec", "sources")):
        remedy = "name one; of a hydrated application that is the branch which Argo CD writes"
        one.set_aside(("spec",), "it has no source", remedy)
        return None
    sources = _sources(one, named=named)
    if sources is None:
        return None
    namespace = one.take_text("spec", "destination", "namespace")
    if not namespace:
        one.say(("spec", "destination", "namespace"), "it names no namespace; default is written", "correct it")
    one.drop("spec", "revisionHistoryLimit")
    one.drop("metadata", "finalizers")
    sync = {**FIRST, **_sync(one)}
    return without_nothing({"project": _project(one, projects)}) | {
        **sources,
        "namespace": namespace or DEFAULT,
        **({"createNamespace": True} if _option(one, "CreateNamespace") == "true" else {}),
        "sync": sync,
    }


def _project(one: Foreign, projects: Mapping[str, str]) -> str:
    named = one.take_text("spec", "project", default=DEFAULT)
    if named in projects:
        return projects[named]
    if projects:
        what = f"its project {named} is not among the files"
        one.say(("spec", "project"), what, "name a file with it too, or declare a Project")
        return name_of(named)
    if named != DEFAULT:
        what = f"its project {named} is not among the files, and is left out"
        one.say(("spec", "project"), what, "name a file with it too, if the registry is to have Projects")
    return ""


def _sources(one: Foreign, *, named: bool) -> dict[str, Any] | None:
    """Return the sources; where there are several, the single one is not looked at, by Argo CD's own rule.

    None where a file is of a source that there is not, which is said.
    https://argo-cd.readthedocs.io/en/stable/user-guide/multiple_sources/
    """
    several = one.parts("spec", "sources")
    if not several:
        only = mapped(one, ("spec", "source"), named=named)
        one.unmapped(("spec", "source", "ref"))
        one.drop("spec", "source", "name")
        if not _are_lent(one, [only], {}):
            return None
        return without_nothing({"source": only.source, "render": only.render, "values": only.values})
    if one.has("spec", "source"):
        one.say(("spec", "source"), "beside sources it is not looked at by Argo CD, and is left out", "remove it")
    found = [mapped(one, item, named=named) for item in several]
    names = [_name(one, item, number) for number, item in enumerate(several)]
    refs = {one.take_text(*item, "ref"): name for item, name in zip(several, names, strict=True)}
    if not _are_lent(one, found, refs):
        return None
    found = [_renamed(source, refs) for source in found]
    lenders = {of[0] for file in _files(found) if (of := lent(file)) is not None}
    sources = [
        # a file that is lent is named from the root of its repository, whatever else is rendered of that
        {"name": name, **source.source, **({"path": "."} if name in lenders and "path" in source.source else {})}
        for name, source in zip(names, found, strict=True)
    ]
    kept = zip(several, sources, strict=True)
    sources = [source for item, source in kept if not _idle(one, item, source["name"], lenders)]
    return without_nothing({"sources": sources, **_together(one, several, found)})


def _are_lent(one: Foreign, found: Sequence[Mapped], refs: Mapping[str, str]) -> bool:
    """Tell whether each file of another source is of one that there is; if not, it is said, and nothing is made."""
    for file in _files(found):
        of = lent(file)
        if file.startswith("$") and (of is None or not of[0] or of[0] not in refs):
            what = f"the values file {file} is of a source that no ref names"
            one.set_aside((), what, "name that source with its ref, and import it again; until then it is not written")
            return False
    return True


def _renamed(source: Mapped, refs: Mapping[str, str]) -> Mapped:
    """Return a source whose files of others name those as the registry does."""
    helm = source.render.get("helm", {})
    if "valuesFiles" not in helm:
        return source
    files = [file if (of := lent(file)) is None else f"${refs[of[0]]}/{of[1]}" for file in helm["valuesFiles"]]
    return replace(source, render={**source.render, "helm": {**helm, "valuesFiles": files}})


def _name(one: Foreign, path: Path, number: int) -> str:
    ref, name = one.take_text(*path, "ref"), one.take_text(*path, "name")
    return name_of(ref or name or f"source-{number + 1}")


def _idle(one: Foreign, path: Path, name: str, lenders: set[str]) -> bool:
    """Tell whether a source is only named for others, none of which asks for it."""
    named_only = one.has(*path, "ref") and not one.has(*path, "path")
    if name in lenders and not named_only:
        one.say((*path, "path"), "a source that lends files is not rendered here", "name the repository once more")
    return named_only and not one.has(*path, "chart") and name not in lenders


def _files(found: Sequence[Mapped]) -> Iterator[str]:
    for source in found:
        yield from source.render.get("helm", {}).get("valuesFiles", ())


def _together(one: Foreign, paths: Sequence[Path], found: Sequence[Mapped]) -> dict[str, Any]:
    """Return the settings of several sources: there is one set of them for all."""
    with_any = [(path, source) for path, source in zip(paths, found, strict=True) if source.render or source.values]
    for path, _ in with_any[1:]:
        what = "settings of a second source; there is one set of them for all sources"
        part = next(key for key in ("helm", "kustomize", "directory", "plugin") if one.has(*path, key))
        one.say((*path, part), what, "put what differs into another application")
    first = with_any[0][1] if with_any else Mapped({})
    return without_nothing({"render": first.render, "values": first.values})


def _option(one: Foreign, name: str) -> str:
    options = one.look("spec", "syncPolicy", "syncOptions")
    texts = [text for text in options if isinstance(text, str)] if isinstance(options, list) else []
    return next((text.partition("=")[2] for text in texts if text.startswith(f"{name}=")), "")


def is_automated(one: Foreign) -> bool:
    """Tell whether Argo CD syncs an application by itself."""
    path = ("spec", "syncPolicy", "automated")
    return one.has(*path) and one.look(*path, "enabled") is not False


def _sync(one: Foreign) -> dict[str, Any]:
    path = ("spec", "syncPolicy")
    prune = one.take_flag(*path, "automated", "prune") and _option(one, "Prune") != "false"
    if one.take_flag(*path, "automated", "allowEmpty"):
        what = "allowEmpty has no place: what renders to nothing removes nothing here"
        one.say((*path, "automated", "allowEmpty"), what, "retire the application to remove it")
    one.take_flag(*path, "automated", "selfHeal")
    one.take_flag(*path, "automated", "enabled")
    for item in one.items(*path, "syncOptions"):
        _check_option(one, item)
    return without_nothing(
        {
            "prune": {} if prune else {"enabled": False},
            "retry": _retry(one, (*path, "retry")),
            "ignore": [rule for item in one.parts("spec", "ignoreDifferences") if (rule := ignore_rule(one, item))],
        }
    )


def _check_option(one: Foreign, path: Path) -> None:
    text = one.take_text(*path)
    if text and text not in _DONE_HERE and text.partition("=")[0] not in {"CreateNamespace", "Prune"}:
        one.say(path, f"the sync option {text} has no place", "see docs/reference/waves-and-hooks.md")


def _retry(one: Foreign, path: Path) -> dict[str, Any]:
    limit = one.take_number(*path, "limit")
    if limit is not None and not 0 <= limit <= _MOST_RETRIES:
        one.say((*path, "limit"), f"retries have a bound here; {_MOST_RETRIES} is written", "correct it")
        limit = _MOST_RETRIES
    back = (*path, "backoff")
    factor = one.take_number(*back, "factor")
    if factor is not None and not _FACTORS[0] <= factor <= _FACTORS[1]:
        one.say((*back, "factor"), "delays grow by a factor from 1 to 10 here; 2 is taken", "correct it")
        factor = None
    given = {
        "limit": None if limit is None else int(limit),
        "base": take_duration(one, *back, "duration"),
        "factor": factor,
        "ceiling": take_duration(one, *back, "maxDuration"),
    }
    return without_nothing(given)


def ignore_rule(one: Foreign, path: Path) -> dict[str, Any]:
    """Return what of Argo CD's ignoreDifferences can be said; empty where nothing can."""
    pointers = one.take_texts(*path, "jsonPointers")
    for item in one.items(*path, "jqPathExpressions"):
        expression = one.take_text(*item)
        if _PLAIN_PATH.fullmatch(expression):
            pointers.append(expression.replace(".", "/"))
        elif expression:
            one.say(item, "a jq expression has no place", "write JSON pointers")
    managers = one.take_texts(*path, "managedFieldsManagers")
    rule = {key: one.take_text(*path, key) for key in ("kind", "group", "namespace", "name")}
    if any(_PATTERN & set(value) for value in rule.values()):
        what = "a rule for every kind or group, or for a pattern of them, has no place"
        one.say(path, what, "name the kinds")
        return {}
    return without_nothing({**rule, "paths": pointers, "managers": managers}) if pointers or managers else {}
