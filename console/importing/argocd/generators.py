"""What the generators of an ApplicationSet give: one set of parameters for each application.

Rules: https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators/
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from console.importing.argocd.clusters import Clusters
from console.importing.words import name_of

Parameters = dict[str, Any]
Checkouts = Mapping[str, Mapping[str, bytes]]
"""Files of repositories, by URL."""
_FIELD = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)((?:[.\[][^.\[\]{}()|\s]+\]?)*)")


class UnexpandedError(Exception):
    """A generator or a template asks for something that is not in the files."""

    def __init__(self, *, what: str) -> None:
        super().__init__(what)


class Expansion:
    """Generators over what is known.

    Args:
        clusters: that Argo CD has declared.
        checkouts: files of repositories.
        go: whether templates are Go's.
    """

    def __init__(self, clusters: Clusters, checkouts: Checkouts, *, go: bool) -> None:
        self._clusters = clusters
        self._checkouts = checkouts
        self._go = go
        self._kinds: dict[str, Callable[[Mapping[str, Any]], list[Parameters]]] = {
            "list": self._list,
            "clusters": self._of_clusters,
            "git": self._git,
            "matrix": self._matrix,
            "merge": self._merge,
        }

    def parameters(self, generator: Mapping[str, Any]) -> list[Parameters]:
        """Return a generator's sets of parameters.

        Raises:
            UnexpandedError: it is of another kind, or asks for what is not known.
        """
        for kind, expand in self._kinds.items():
            if kind in generator:
                odd = sorted(set(generator) - {kind})
                if odd:
                    raise UnexpandedError(what=f"{odd[0]} of a generator")
                return expand(generator[kind] or {})
        raise UnexpandedError(what=f"the generator {next(iter(generator), 'without a kind')}")

    def filled(self, template: Any, parameters: Parameters) -> Any:
        """Return a template with its holes filled.

        Raises:
            UnexpandedError: a hole is more than a parameter, or there is no such parameter.
        """
        if isinstance(template, Mapping):
            return {self.filled(key, parameters): self.filled(value, parameters) for key, value in template.items()}
        if isinstance(template, list):
            return [self.filled(item, parameters) for item in template]
        if not isinstance(template, str):
            return template
        parts, done = [], 0
        while (start := template.find("{{", done)) >= 0 and (end := template.find("}}", start + 2)) >= 0:
            inside = template[start + 2 : end].removeprefix("-").removesuffix("-").strip()
            parts += [template[done:start], self._value(inside, parameters)]
            done = end + 2
        return "".join((*parts, template[done:]))

    def _value(self, expression: str, parameters: Parameters) -> str:
        match = _FIELD.fullmatch(expression)
        if match is None or (self._go and not expression.startswith(".")):
            raise UnexpandedError(what=f"the template expression {expression!r}")
        found: Any = parameters
        name = expression.removeprefix(".")
        if name in parameters:
            found = parameters[name]
        else:
            for key in re.findall(r"[^.\[\]]+", name):
                found = found[int(key)] if isinstance(found, list) and key.isdigit() else _get(found, key, expression)
        if isinstance(found, (Mapping, list)):
            raise UnexpandedError(what=f"the template expression {expression!r}")
        return str(found).lower() if isinstance(found, bool) else str(found)

    def _list(self, generator: Mapping[str, Any]) -> list[Parameters]:
        if set(generator) - {"elements"}:
            raise UnexpandedError(what=f"{sorted(set(generator) - {'elements'})[0]} of a list generator")
        return [dict(element) for element in generator.get("elements", [])]

    def _of_clusters(self, generator: Mapping[str, Any]) -> list[Parameters]:
        if not self._clusters.declared:
            raise UnexpandedError(what="clusters that are not in the files; name those with their Secrets too:")
        wanted = generator.get("selector") or {}
        return [
            {
                "name": one.name,
                "nameNormalized": name_of(one.name),
                "server": one.server,
                "metadata": {"labels": dict(one.labels)},
                **{f"metadata.labels.{key}": value for key, value in one.labels.items()},
                "values": dict(generator.get("values") or {}),
            }
            for one in self._clusters.declared
            if selects(wanted, one.labels)
        ]

    def _git(self, generator: Mapping[str, Any]) -> list[Parameters]:
        url = str(generator.get("repoURL", ""))
        files = self._checkouts.get(url)
        if files is None:
            raise UnexpandedError(what=f"what is in {url}; name a checkout of it with --checkout {url}=DIR:")
        values = {"values": dict(generator.get("values") or {})}
        if "directories" in generator:
            folders = sorted({folder for name in files for folder in _above(name)})
            return [_path(folder, go=self._go) | values for folder in _chosen(folders, generator["directories"])]
        patterns = [str(item["path"]) for item in generator.get("files", [])]
        found = [name for name in sorted(files) if any(_matches(name, pattern) for pattern in patterns)]
        return [
            {**content, **_path(name.rpartition("/")[0] or ".", go=self._go), **values}
            for name in found
            for content in _contents(name, files[name])
        ]

    def _matrix(self, generator: Mapping[str, Any]) -> list[Parameters]:
        first, *others = generator.get("generators", [])
        found = self.parameters(first)
        for other in others:
            found = [{**left, **right} for left in found for right in self.parameters(self.filled(other, left))]
        return found

    def _merge(self, generator: Mapping[str, Any]) -> list[Parameters]:
        keys = [str(key) for key in generator.get("mergeKeys", [])]
        first, *others = [self.parameters(inner) for inner in generator.get("generators", [])]
        laid = {_key(one, keys): one for one in itertools.chain(*others)}
        return [{**one, **laid.get(_key(one, keys), {})} for one in first]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector, as Kubernetes has it, takes something with ``labels``.

    Raises:
        UnexpandedError: it has an operator that is none.
    """
    plain = {key: value for key, value in (selector.get("matchLabels") or {}).items() if not key.startswith("argocd.")}
    if any(labels.get(key) != str(value) for key, value in plain.items()):
        return False
    return all(_fits(rule, labels) for rule in selector.get("matchExpressions") or [])


def _fits(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    has, value = rule["key"] in labels, labels.get(rule["key"])
    match rule.get("operator"):
        case "In":
            return has and value in rule["values"]
        case "NotIn":
            return not has or value not in rule["values"]
        case "Exists":
            return has
        case "DoesNotExist":
            return not has
        case other:
            raise UnexpandedError(what=f"the operator {other}")


def _get(found: Any, key: str, expression: str) -> Any:
    if isinstance(found, Mapping) and key in found:
        return found[key]
    raise UnexpandedError(what=f"the template expression {expression!r}, for which there is no parameter:")


def _key(one: Parameters, keys: Sequence[str]) -> str:
    return json.dumps([one.get(key) for key in keys], sort_keys=True, default=str)


def _path(folder: str, *, go: bool) -> Parameters:
    """Return what is told of a folder: under ``path`` for Go's templates, by dotted names for the plain ones."""
    segments = folder.split("/")
    base = segments[-1]
    fields = {"path": folder, "basename": base, "basenameNormalized": name_of(base), "segments": segments}
    if go:
        return {"path": fields}
    flat = {f"path.{key}": value for key, value in fields.items()}
    return {"path": folder, **flat, **{f"path[{n}]": segment for n, segment in enumerate(segments)}}


def _above(name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _chosen(folders: Sequence[str], rules: Sequence[Mapping[str, Any]]) -> list[str]:
    def hit(folder: str, *, exclude: bool) -> bool:
        return any(
            _matches(folder, str(rule.get("path", ""))) for rule in rules if bool(rule.get("exclude")) is exclude
        )

    return [folder for folder in folders if hit(folder, exclude=False) and not hit(folder, exclude=True)]


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.strip("/").split("/")
    if "**" in wanted:
        return fnmatch.fnmatchcase(name, pattern.replace("**", "*"))
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _contents(name: str, text: bytes) -> list[dict[str, Any]]:
    try:
        documents = load_documents(text, MANIFEST_LIMITS)
    except YamlError as error:
        raise UnexpandedError(what=f"what is in {name} ({error.faults[0].what})") from error
    found = [
        one
        for document in documents
        for one in (document.value if isinstance(document.value, list) else [document.value])
    ]
    return [one for one in found if isinstance(one, dict)]
