"""An Argo CD source as the registry writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from common.domain.refs import DNS_LABEL
from common.yaml import MANIFEST_LIMITS, Path, Repeated, YamlError, load_documents
from console.importing.foreign import Foreign
from console.importing.words import beside, folder, git_ref, git_url, without_nothing

_NOT_A_STRING = re.compile(r"(?i)true|false|null|~|-?\d+(\.\d+)?(e[+-]?\d+)?")
_SUFFIXES = ("*.yaml", "*.yml", "*.json")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A source.

    Attributes:
        source: its lines.
        render: the renderer's settings, by its name; empty leaves it to be detected.
        values: the registry's.
    """

    source: dict[str, Any]
    render: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def mapped(one: Foreign, path: Path) -> Mapped:
    """Return the source at ``path`` of an application; what has no place is noted with it."""
    source = _place(one, path)
    render, values = _helm(one, (*path, "helm"))
    found: dict[str, Any] = {"helm": render} if render or one.look(*path, "helm") is not None else {}
    kustomize = _kustomize(one, (*path, "kustomize"), str(one.look(*path, "path") or "."))
    directory = _directory(one, (*path, "directory"))
    if kustomize:
        found = {"kustomize": kustomize}
    if directory:
        found = directory
    if one.look(*path, "plugin") is not None:
        command, given = _plugin(one, (*path, "plugin"))
        found, values = {"command": command}, {**values, **given}
    if "helm" in source and set(found) - {"helm", "command"}:
        one.say(path, "settings of another renderer on a chart", "remove them")
        found = {}
    return Mapped(source, {key: value for key, value in found.items() if value}, values)


def _place(one: Foreign, path: Path) -> dict[str, Any]:
    repo = str(one.take(*path, "repoURL", default=""))
    chart = one.take(*path, "chart")
    revision = str(one.take(*path, "targetRevision", default="") or "")
    inside = folder(str(one.take(*path, "path", default=".")))
    if chart is not None:
        address = repo if "://" in repo else f"oci://{repo}"
        return {"helm": {"repo": address.rstrip("/"), "chart": str(chart), "version": revision or "*"}}
    if repo.startswith("oci://"):
        ref = {"digest": revision} if revision.startswith("sha256:") else {"tag": revision or "latest"}
        return {"oci": without_nothing({"image": repo.removeprefix("oci://"), "ref": ref, "path": inside})}
    if revision in {"", "HEAD"}:
        where = (*path, "targetRevision") if revision else path
        one.say(where, "HEAD is the repository's default branch; main is written", "correct it if it is another")
        revision = "main"
    return {"repo": git_url(repo), "path": inside, "ref": git_ref(revision)}


def _helm(one: Foreign, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    values: dict[str, Any] = {}
    text = one.take(*path, "values")
    if isinstance(text, str):
        values |= _values(one, (*path, "values"), text)
    values |= one.take(*path, "valuesObject", default={})
    one.take(*path, "passCredentials")
    skipped = {key: one.take(*path, key) or None for key in ("skipCrds", "skipTests", "skipSchemaValidation")}
    settings = {
        "valuesFiles": [str(file) for file in one.take(*path, "valueFiles", default=[])],
        "releaseName": one.take(*path, "releaseName"),
        "sets": [_set(one, (*path, "parameters", n)) for n in range(one.count(*path, "parameters"))],
    }
    return without_nothing(settings | skipped), values


def _values(one: Foreign, path: Path, text: str) -> dict[str, Any]:
    try:
        documents = load_documents(text.encode(), MANIFEST_LIMITS, repeated=Repeated.LAST)
    except YamlError as error:
        one.say(path, f"its values are no YAML ({error.faults[0].what})", "correct them")
        return {}
    found = documents[0].value if documents else {}
    if not isinstance(found, dict):
        one.say(path, "its values are no mapping", "correct them")
        return {}
    return found


def _set(one: Foreign, path: Path) -> str:
    name, value = str(one.take(*path, "name")), str(one.take(*path, "value", default=""))
    if one.take(*path, "forceString") and _NOT_A_STRING.fullmatch(value):
        what = f"the parameter {name} is forced to be text, and would be read as a number or the like"
        one.say((*path, "forceString"), what, "give it under values, in quotes")
    escaped = re.sub(r"(?<!\\),", r"\\,", value)
    return f"{name}={escaped}"


def _kustomize(one: Foreign, path: Path, base: str) -> dict[str, Any]:
    settings = {
        "images": [str(image) for image in one.take(*path, "images", default=[])],
        "namePrefix": one.take(*path, "namePrefix"),
        "nameSuffix": one.take(*path, "nameSuffix"),
        "components": [beside(base, str(item)) for item in one.take(*path, "components", default=[])],
        "patches": [_patch(one, (*path, "patches", n)) for n in range(one.count(*path, "patches"))],
    }
    return without_nothing({key: without_empty(value) for key, value in settings.items()})


def without_empty(value: Any) -> Any:
    """Return a list without what says nothing; other values as they are."""
    return [item for item in value if item] if isinstance(value, list) else value


def _patch(one: Foreign, path: Path) -> dict[str, Any]:
    if one.look(*path, "path") is not None:
        one.unmapped((*path, "path"), "write the patch out, or move it into the kustomization")
        one.take(*path)
        return {}
    return without_nothing({key: one.take(*path, key) for key in ("patch", "target", "options")})


def _directory(one: Foreign, path: Path) -> dict[str, Any]:
    if one.look(*path) is None:
        return {}
    jsonnet = without_nothing(
        {
            "libs": [folder(str(lib)) for lib in one.take(*path, "jsonnet", "libs", default=[])],
            "topLevelArguments": _arguments(one, (*path, "jsonnet", "tlas")),
        }
    )
    recurse = one.take(*path, "recurse")
    include, exclude = (_globs(one, (*path, key)) for key in ("include", "exclude"))
    if jsonnet:
        return {"jsonnet": jsonnet}
    if not include and not recurse:
        include = list(_SUFFIXES)
    return {"plain": without_nothing({"include": include, "exclude": exclude})}


def _plugin(one: Foreign, path: Path) -> tuple[str, dict[str, Any]]:
    """Return the command that stands for a plugin, and its variables and parameters as values."""
    name = str(one.take(*path, "name", default="") or "")
    variables = {
        str(one.take(*path, "env", n, "name")): one.take(*path, "env", n, "value", default="")
        for n in range(one.count(*path, "env"))
    }
    parameters = dict(_parameter(one, (*path, "parameters", n)) for n in range(one.count(*path, "parameters")))
    if DNS_LABEL.fullmatch(name) is None:
        where = (*path, "name") if name else path
        what = "a plugin that is found by what is in the folder" if not name else "the plugin's name is none here"
        one.say(where, what, "name the command that the operator allows for it")
        name = "plugin"
    else:
        remedy = "have an operator allow a command of that name on the workers: one program, which gets these as values"
        one.say((*path, "name"), f"the plugin {name} becomes the command {name}", remedy)
    return name, without_nothing({"env": variables or None, "parameters": parameters or None})


def _parameter(one: Foreign, path: Path) -> tuple[str, Any]:
    given = (one.take(*path, key) for key in ("string", "array", "map"))
    return str(one.take(*path, "name")), next((value for value in given if value is not None), "")


def _globs(one: Foreign, path: Path) -> list[str]:
    text = str(one.take(*path, default=""))
    inner = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    return [glob.strip() for glob in inner.split(",") if glob.strip()]


def _arguments(one: Foreign, path: Path) -> dict[str, Any]:
    found = {}
    for n in range(one.count(*path)):
        name = str(one.take(*path, n, "name"))
        if one.take(*path, n, "code"):
            one.say((*path, n, "code"), f"the argument {name} is code", "write what it evaluates to")
        found[name] = one.take(*path, n, "value")
    return found
