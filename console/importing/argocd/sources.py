"""An Argo CD source as the registry writes it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.domain.fleet import lent
from common.domain.refs import DNS_LABEL
from common.yaml import MANIFEST_LIMITS, Path, Repeated, YamlError, load_documents
from console.importing.argocd.environment import filled
from console.importing.argocd.globs import UnsayableError, patterns
from console.importing.fields import take_patch
from console.importing.foreign import Foreign, dotted
from console.importing.words import beside, chart_in, folder, git_ref, git_url, is_short_commit, without_nothing

_NOT_A_STRING = re.compile(r"(?i)true|false|null|~|-?\d+(\.\d+)?(e[+-]?\d+)?")
_SUFFIXES = ("*.yaml", "*.yml", "*.json")
_PATTERN = frozenset("*?[")
Fill = Callable[[str, Path], str]
"""Returns a text with the variables of Argo CD filled in; the path is where it is."""


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


def mapped(one: Foreign, path: Path, *, named: bool = True) -> Mapped:
    """Return the source at ``path`` of an application; what has no place is noted with it.

    ``named`` tells whether the application has one name in Argo CD, and not another on each cluster.
    """

    def fill(text: str, where: Path) -> str:
        return filled(one, where, text, path, named=named)

    source = _place(one, path)
    inside = one.take_text(*path, "path", default=".")
    render, values = _helm(one, (*path, "helm"), inside, fill)
    found: dict[str, Any] = {"helm": render} if render else {}
    kustomize = _kustomize(one, (*path, "kustomize"), inside, fill)
    directory = _directory(one, (*path, "directory"), fill)
    if kustomize:
        found = {"kustomize": kustomize}
    if directory:
        found = directory
    if one.has(*path, "plugin"):
        command, given = _plugin(one, (*path, "plugin"), fill)
        found, values = {"command": command}, {**values, **given}
    if "helm" in source and set(found) - {"helm", "command"}:
        part = "kustomize" if kustomize and not directory else "directory"
        one.say((*path, part), "settings of another renderer on a chart", "remove them")
        found = {}
    return Mapped(source, {key: value for key, value in found.items() if value}, values)


def _place(one: Foreign, path: Path) -> dict[str, Any]:
    repo = one.take_text(*path, "repoURL")
    chart = one.take_text(*path, "chart")
    revision = one.take_text(*path, "targetRevision")
    inside = folder(one.take_text(*path, "path", default="."))
    if chart:
        where, name = chart_in(repo if "://" in repo else f"oci://{repo}", chart)
        return {"helm": {"repo": where, "chart": name, "version": revision or "*"}}
    if repo.startswith("oci://"):
        ref = {"digest": revision} if revision.startswith("sha256:") else git_ref(revision or "latest")
        held = next(iter(ref.values()))
        version = ref if set(ref) <= {"digest", "semver"} else {"tag": held}
        return {"oci": without_nothing({"image": repo.removeprefix("oci://"), "ref": version, "path": inside})}
    if revision in {"", "HEAD"}:
        what = "HEAD is the repository's default branch; main is written"
        one.say((*path, "targetRevision"), what, "correct it if it is another")
        revision = "main"
    elif is_short_commit(revision):
        what = "a part of a commit's id is taken for a branch here"
        one.say((*path, "targetRevision"), what, "give all 40 digits, unless it is a branch")
    return {"repo": git_url(repo), "path": inside, "ref": git_ref(revision)}


def _helm(one: Foreign, path: Path, inside: str, fill: Fill) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings of Helm and values, which lie over the files, and under the parameters, there as here.

    Where there is a ``valuesObject``, Argo CD does not look at ``values`` at all:
    https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#values and ``ValuesYAML`` in
    ``pkg/apis/application/v1alpha1/values.go``.
    """
    values: dict[str, Any] = {}
    text = one.take_text(*path, "values")
    if one.has(*path, "valuesObject"):
        values = one.take_map(*path, "valuesObject")
        if text:
            what = "values beside valuesObject are not looked at by Argo CD, and are left out"
            one.say((*path, "values"), what, "remove them")
    elif text:
        values = _values(one, (*path, "values"), text)
    for key in ("passCredentials", "version"):
        one.drop(*path, key)
    skipped = {key: one.take_flag(*path, key) or None for key in ("skipCrds", "skipTests", "skipSchemaValidation")}
    settings = {
        "valuesFiles": [name for item in one.items(*path, "valueFiles") if (name := _file(one, item, inside, fill))],
        "releaseName": one.take_text(*path, "releaseName"),
        "sets": [text for item in one.parts(*path, "parameters") if (text := _set(one, item, fill))],
    }
    return without_nothing(settings | skipped), values


def _file(one: Foreign, path: Path, inside: str, fill: Fill) -> str:
    """Return a values file from the chart's folder: one that begins with a slash is from the repository's root.

    ``$NAME/FILE`` names another source, unless NAME is a variable.
    """
    name = one.take_text(*path)
    of = None if name.startswith(("$ARGOCD_", "${")) else lent(name)
    name = fill(name, path) if of is None else f"${of[0]}/{fill(of[1], path)}"
    if "://" in name:
        one.say(
            path, "a values file from the network has no place", "keep it in a repository, and name that as a source"
        )
        return ""
    if _PATTERN & set(name):
        one.say(path, f"{dotted(path)} is a pattern, which has no place", "name its files, the lowest first")
    return posixpath.relpath(folder(name), folder(inside)) if name.startswith("/") else name


def _values(one: Foreign, path: Path, text: str) -> dict[str, Any]:
    try:
        documents = load_documents(text.encode(errors="replace"), MANIFEST_LIMITS, repeated=Repeated.LAST)
    except YamlError as error:
        one.say(path, f"its values are no YAML ({error.faults[0].what})", "correct them")
        return {}
    found = documents[0].value if documents else {}
    if not isinstance(found, dict):
        one.say(path, "its values are no mapping", "correct them")
        return {}
    return found


def _set(one: Foreign, path: Path, fill: Fill) -> str:
    name, value = one.take_text(*path, "name"), fill(one.take_text(*path, "value"), (*path, "value"))
    if not name:
        one.say(path, "a parameter without a name", "give it one")
        return ""
    if one.take_flag(*path, "forceString") and _NOT_A_STRING.fullmatch(value):
        what = f"the parameter {name} is forced to be text, and would be read as a number or the like"
        one.say((*path, "forceString"), what, "give it under values, in quotes")
    # what stands in braces is a list to `--set`, and its commas part the items
    is_list = value.startswith("{") and value.endswith("}")
    escaped = value if is_list else re.sub(r"(?<!\\),", r"\\,", value)
    return f"{name}={escaped}"


def _kustomize(one: Foreign, path: Path, base: str, fill: Fill) -> dict[str, Any]:
    settings = {
        "images": [fill(image, (*path, "images")) for image in one.take_texts(*path, "images")],
        "namePrefix": one.take_text(*path, "namePrefix"),
        "nameSuffix": one.take_text(*path, "nameSuffix"),
        "components": [beside(base, item) for item in one.take_texts(*path, "components")],
        "patches": [patch for item in one.parts(*path, "patches") if (patch := _patch(one, item))],
    }
    return without_nothing(settings)


def _patch(one: Foreign, path: Path) -> dict[str, Any]:
    if one.has(*path, "path"):
        one.unmapped((*path, "path"), "write the patch out, or move it into the kustomization")
        one.drop(*path)
        return {}
    return take_patch(one, path)


def _directory(one: Foreign, path: Path, fill: Fill) -> dict[str, Any]:
    if not isinstance(one.look(*path), dict):
        return {}
    jsonnet = without_nothing(
        {
            "libs": [folder(lib) for lib in one.take_texts(*path, "jsonnet", "libs")],
            "topLevelArguments": _arguments(one, (*path, "jsonnet", "tlas"), fill),
        }
    )
    recurse = one.take_flag(*path, "recurse")
    include = _globs(one, (*path, "include"), below=recurse, manifests=True)
    exclude = _globs(one, (*path, "exclude"), below=recurse, manifests=False)
    if jsonnet:
        return {"jsonnet": jsonnet}
    if not include and not recurse:
        include = list(_SUFFIXES)
    return {"plain": without_nothing({"include": include, "exclude": exclude})}


def _plugin(one: Foreign, path: Path, fill: Fill) -> tuple[str, dict[str, Any]]:
    """Return the command that stands for a plugin, and its variables and parameters as values."""
    name = one.take_text(*path, "name")
    variables = {
        one.take_text(*item, "name"): fill(one.take_text(*item, "value"), (*item, "value"))
        for item in one.parts(*path, "env")
    }
    parameters = dict(_parameter(one, item) for item in one.parts(*path, "parameters"))
    if DNS_LABEL.fullmatch(name) is None:
        what = "a plugin that is found by what is in the folder" if not name else "the plugin's name is none here"
        one.say((*path, "name"), what, "name the command that the operator allows for it")
        name = "plugin"
    else:
        remedy = "have an operator allow a command of that name on the workers: one program, which gets these as values"
        one.say((*path, "name"), f"the plugin {name} becomes the command {name}", remedy)
    return name, without_nothing({"env": variables or None, "parameters": parameters or None})


def _parameter(one: Foreign, path: Path) -> tuple[str, Any]:
    name = one.take_text(*path, "name")
    given = (
        one.take_text(*path, "string") if one.has(*path, "string") else None,
        one.take_texts(*path, "array") if one.has(*path, "array") else None,
        one.take_map(*path, "map") if one.has(*path, "map") else None,
    )
    return name, next((value for value in given if value is not None), "")


def _globs(one: Foreign, path: Path, *, below: bool, manifests: bool) -> list[str]:
    text = one.take_text(*path)
    if not text:
        return []
    try:
        found = patterns(text, below=below, manifests=manifests)
    except UnsayableError:
        found = [text]
        one.say(path, f"{dotted(path)} has no exact like here, and stands as it is", "write patterns that say the same")
        return found
    if manifests:
        kept = [glob for glob in found if below or "/" not in glob]
        if len(kept) < len(found) or not kept:
            what = f"{dotted(path)} names what Argo CD does not read: no manifests, or folders below without recurse"
            one.say(path, what, "see that render.plain.include takes what it should")
        return kept or [text]
    return found


def _arguments(one: Foreign, path: Path, fill: Fill) -> dict[str, str]:
    found = {}
    for item in one.parts(*path):
        name = one.take_text(*item, "name")
        if one.take_flag(*item, "code"):
            one.say((*item, "code"), f"the argument {name} is code", "write what it evaluates to")
        found[name] = fill(one.take_text(*item, "value"), (*item, "value"))
    return found
