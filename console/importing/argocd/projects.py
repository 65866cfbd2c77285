"""AppProjects as Projects."""

from __future__ import annotations

from typing import Any

from console.importing.foreign import Foreign
from console.importing.outcome import document
from console.importing.words import git_url, name_of, without_nothing


def project_of(one: Foreign) -> dict[str, Any]:
    """Return a Project; rights that cannot be told exactly are left out, and said."""
    name = name_of(one.name)
    one.take("metadata", "finalizers")
    one.take("spec", "description")
    spec = {
        "paths": [f"applications/{name}/**"],
        "repos": ["**" if repo == "*" else _glob(str(repo)) for repo in one.take("spec", "sourceRepos", default=[])],
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
    count = one.count("spec", "destinations")
    places = [str(one.take("spec", "destinations", n, key) or "") for n in range(count) for key in ("server", "name")]
    if "*" in places:
        return {"all": True}
    what = "its destinations name clusters, and a Project selects them by labels"
    one.say(("spec", "destinations"), what, "write spec.clusters: without it the project may use none")
    return {}


def _namespaces(one: Foreign) -> list[str]:
    count = one.count("spec", "destinations")
    found = [str(one.take("spec", "destinations", n, "namespace") or "") for n in range(count)]
    for n, text in enumerate(found):
        if text.startswith("!"):
            one.say(("spec", "destinations", n, "namespace"), "a namespace is denied", "list those that are allowed")
    return list(dict.fromkeys(text for text in found if text and not text.startswith("!")))


def _kinds(one: Foreign, key: str) -> list[str]:
    path = ("spec", key)
    return [f"{one.take(*path, n, 'group') or ''}/{one.take(*path, n, 'kind')}" for n in range(one.count(*path))]


def _everything(one: Foreign, key: str) -> None:
    path = ("spec", key)
    if _kinds(one, key) not in ([], ["*/*"]):
        one.say(path, f"{key} allows kinds one by one, and a Project denies them", "write spec.kinds.deny")
