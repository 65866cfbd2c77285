"""AppProjects as Projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.registry import parse
from common.yaml import Path, dump
from console.importing.foreign import Foreign
from console.importing.naming import apart
from console.importing.outcome import document
from console.importing.words import git_url, name_of, without_nothing

_FLEET = dump({"apiVersion": "flotilla.dev/v1", "kind": "Fleet", "metadata": {"name": "imported"}, "spec": {}}).encode()


def projects_of(objects: Sequence[Foreign]) -> tuple[dict[str, str], dict[str, Mapping[str, Any]]]:
    """Return what AppProjects are called here, by their names, and the Projects by the names of files for them."""
    names = apart({one.identity: (name_of(one.name),) for one in objects})
    called: dict[str, str] = {}
    documents: dict[str, Mapping[str, Any]] = {}
    for one in objects:
        name = names[one.identity]
        file = f"projects/{name}.yaml"
        if file in documents:
            one.set_aside((), f"a second project called {one.name}", "name one of the two")
            continue
        found = _project(one, name)
        if _is_taken(one, found):
            called[one.name] = name
            documents[file] = found
    return called, documents


def _is_taken(one: Foreign, found: Mapping[str, Any]) -> bool:
    text = dump(found).encode()
    faults = [
        fault for fault in parse({"fleet.yaml": _FLEET, "project.yaml": text}).faults if fault.file != "fleet.yaml"
    ]
    if faults:
        what = f"the registry refuses what it would become: {faults[0].what}"
        one.set_aside((), what, "correct it there, and import it again; until then it is not written")
    return not faults


def _project(one: Foreign, name: str) -> dict[str, Any]:
    """Return a Project; rights that cannot be told exactly are left out, and said."""
    one.drop("metadata", "finalizers")
    one.drop("spec", "description")
    spec = {
        "paths": [f"applications/{name}/**"],
        "repos": ["**" if repo == "*" else _glob(repo) for repo in one.take_texts("spec", "sourceRepos")],
        "clusters": _clusters(one),
        "namespaces": {"allow": _namespaces(one), "create": True},
        "kinds": {"deny": [*_kinds(one, "clusterResourceBlacklist"), *_kinds(one, "namespaceResourceBlacklist")]},
        "clusterKinds": {"allow": _kinds(one, "clusterResourceWhitelist")},
        "credentials": [],
    }
    _everything(one, "namespaceResourceWhitelist")
    return document(
        "Project", name, without_nothing({k: without_nothing(v) if isinstance(v, dict) else v for k, v in spec.items()})
    )


def _glob(repo: str) -> str:
    return git_url(repo.replace("*", "**") if repo.endswith("*") else repo)


def _clusters(one: Foreign) -> dict[str, Any]:
    destinations = one.parts("spec", "destinations")
    places = [one.take_text(*item, key) for item in destinations for key in ("server", "name")]
    if "*" in places:
        for item in destinations:
            if "*" not in (one.take_text(*item, "server"), one.take_text(*item, "name")):
                what = "a namespace on some clusters, where others are for all: here each is allowed on all of them"
                one.say(item, what, "split the project, or leave the namespace out")
        return {"all": True}
    what = "its destinations name clusters, and a Project selects them by labels"
    one.say(("spec", "destinations"), what, "write spec.clusters: without it the project may use none")
    return {}


def _namespaces(one: Foreign) -> list[str]:
    found: list[str] = []
    for item in one.parts("spec", "destinations"):
        text = one.take_text(*item, "namespace")
        if text.startswith("!"):
            one.say((*item, "namespace"), "a namespace is denied", "list those that are allowed")
        elif text and text not in found:
            found.append(text)
    return found


def _kinds(one: Foreign, key: str) -> list[str]:
    path: Path = ("spec", key)
    return [f"{one.take_text(*item, 'group')}/{one.take_text(*item, 'kind')}" for item in one.parts(*path)]


def _everything(one: Foreign, key: str) -> None:
    path = ("spec", key)
    if _kinds(one, key) not in ([], ["*/*"]):
        one.say(path, f"{key} allows kinds one by one, and a Project denies them", "write spec.kinds.deny")
