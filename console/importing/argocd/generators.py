"""What the generators of an ApplicationSet give: one set of parameters for each application.

Rules: https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators/
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.importing.argocd.clusters import Clusters
from console.importing.argocd.folders import chosen, contents, folders_of, matches, path_of
from console.importing.argocd.templates import UnexpandedError, filled
from console.importing.words import name_of

Parameters = dict[str, Any]
Checkouts = Mapping[str, Mapping[str, bytes]]
"""Files of repositories, by URL."""
_MOST = 5_000
_MOST_TEXT = 16 << 20
"""Characters of all applications of one set: what a template repeats is bounded as what is read is."""
_QUIET = frozenset({"requeueAfterSeconds"})

__all__ = ["Checkouts", "Expansion", "Parameters", "UnexpandedError", "selects"]


class Expansion:
    """Generators over what is known.

    Args:
        clusters: that Argo CD knows.
        checkouts: files of repositories.
        go: whether templates are Go's.
    """

    def __init__(self, clusters: Clusters, checkouts: Checkouts, *, go: bool) -> None:
        self._clusters = clusters
        self._checkouts = checkouts
        self._go = go
        self._left = _MOST_TEXT
        self._kinds: dict[str, Callable[[Mapping[str, Any]], list[Parameters]]] = {
            "list": self._list,
            "clusters": self._of_clusters,
            "git": self._git,
            "matrix": self._matrix,
            "merge": self._merge,
        }

    def parameters(self, generator: Any) -> list[Parameters]:
        """Return a generator's sets of parameters.

        Raises:
            UnexpandedError: it is of another kind, of no form that there is, or asks for what is not known.
        """
        given = mapping(generator, "a generator")
        for kind, expand in self._kinds.items():
            if kind in given:
                odd = sorted(set(given) - {kind, "selector"})
                if odd:
                    raise UnexpandedError(what=f"{odd[0]} of a generator")
                wanted = mapping(given.get("selector"), "the selector of a generator")
                found = [one for one in expand(mapping(given[kind], f"the generator {kind}")) if _wanted(wanted, one)]
                return _bounded(found)
        raise UnexpandedError(what=f"the generator {next(iter(given), 'without a kind')}")

    def filled(self, template: Any, parameters: Parameters) -> Any:
        """Return a template with its holes filled; raises UnexpandedError as ``templates.filled``, or as it is long."""
        found, used = filled(template, parameters, go=self._go, most=self._left)
        self._left -= used
        return found

    def _list(self, generator: Mapping[str, Any]) -> list[Parameters]:
        _only(generator, {"elements"}, "a list generator")
        elements = listed(generator.get("elements"), "the elements of a list generator")
        return [dict(mapping(element, "an element of a list generator")) for element in elements]

    def _of_clusters(self, generator: Mapping[str, Any]) -> list[Parameters]:
        _only(generator, {"selector", "values"}, "a cluster generator")
        if not self._clusters.declared:
            raise UnexpandedError(what="clusters that are not in the files; name those with their Secrets too:")
        wanted = mapping(generator.get("selector"), "the selector of a cluster generator")
        values = mapping(generator.get("values"), "the values of a cluster generator")
        known = self._clusters.declared if any(wanted.values()) else self._clusters.all_of_them
        return [
            {
                "name": one.name,
                "nameNormalized": name_of(one.name),
                "server": one.server,
                "metadata": {"labels": dict(one.labels)},
                **{f"metadata.labels.{key}": value for key, value in one.labels.items()},
                "values": dict(values),
            }
            for one in known
            if selects(wanted, one.labels)
        ]

    def _git(self, generator: Mapping[str, Any]) -> list[Parameters]:
        _only(generator, {"repoURL", "revision", "directories", "files", "values"}, "a git generator")
        url = str(generator.get("repoURL", ""))
        files = self._checkouts.get(url)
        if files is None:
            raise UnexpandedError(what=f"what is in {url}; name a checkout of it with --checkout {url}=DIR:")
        values = {"values": dict(mapping(generator.get("values"), "the values of a git generator"))}
        if generator.get("directories") is not None:
            rules = _rules(generator["directories"], "directories")
            found = chosen(folders_of(files), rules)
            return [path_of(folder, go=self._go) | values for folder in found]
        rules = _rules(generator.get("files"), "files")
        patterns, left_out = ([path for path, out in rules if out is wanted] for wanted in (False, True))
        names = [
            name
            for name in sorted(files)
            if any(matches(name, one) for one in patterns) and not any(matches(name, one) for one in left_out)
        ]
        return [
            {**content, **path_of(name.rpartition("/")[0] or ".", go=self._go), **values}
            for name in names
            for content in contents(name, files[name])
        ]

    def _matrix(self, generator: Mapping[str, Any]) -> list[Parameters]:
        _only(generator, {"generators"}, "a matrix generator")
        first, *others = _inner(generator, "a matrix generator")
        found = self.parameters(first)
        for other in others:
            found = _bounded(
                [{**left, **right} for left in found for right in self.parameters(self.filled(other, left))]
            )
        return found

    def _merge(self, generator: Mapping[str, Any]) -> list[Parameters]:
        _only(generator, {"generators", "mergeKeys"}, "a merge generator")
        keys = [str(key) for key in listed(generator.get("mergeKeys"), "the keys of a merge generator")]
        first, *others = [self.parameters(inner) for inner in _inner(generator, "a merge generator")]
        laid = {_key(one, keys): one for one in itertools.chain(*others)}
        return [{**one, **laid.get(_key(one, keys), {})} for one in first]


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """Return a mapping, empty for null.

    Raises:
        UnexpandedError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnexpandedError(what=f"{what}, which is no mapping,")
    return value


def listed(value: Any, what: str) -> Sequence[Any]:
    """Return a list, empty for null; raises as ``mapping``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnexpandedError(what=f"{what}, which is no list,")
    return value


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Return whether a label selector, as Kubernetes has it, takes something with ``labels``.

    Raises:
        UnexpandedError: it is of no form that there is.
    """
    _only(selector, {"matchLabels", "matchExpressions"}, "a selector")
    wanted = mapping(selector.get("matchLabels"), "the labels of a selector")
    plain = {key: value for key, value in wanted.items() if not key.startswith("argocd.")}
    rules = listed(selector.get("matchExpressions"), "the expressions of a selector")
    fitting = [_fits(mapping(rule, "an expression of a selector"), labels) for rule in rules]
    return all(labels.get(key) == str(value) for key, value in plain.items()) and all(fitting)


def _wanted(selector: Mapping[str, Any], parameters: Parameters) -> bool:
    """Return whether the selector of a generator takes a set of parameters, by their names joined by dots."""
    return not selector or selects(selector, dict(_flat(parameters, "")))


def _flat(parameters: Mapping[str, Any], above: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{above}{key}.")
        elif isinstance(value, (str, int, float)):
            found.append((f"{above}{key}", str(value).lower() if isinstance(value, bool) else str(value)))
    return found


def _fits(rule: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    _only(rule, {"key", "operator", "values"}, "a selector")
    key, operator = str(rule.get("key")), rule.get("operator")
    values = [str(value) for value in listed(rule.get("values"), "the values of a selector")]
    has, value = key in labels, labels.get(key)
    match operator:
        case "In":
            return has and value in values
        case "NotIn":
            return not has or value not in values
        case "Exists":
            return has
        case "DoesNotExist":
            return not has
        case other:
            raise UnexpandedError(what=f"the operator {str(other)[:40]}")


def _only(generator: Mapping[str, Any], known: set[str], what: str) -> None:
    odd = sorted(key for key in set(generator) - known - _QUIET if generator[key] is not None)
    if odd:
        raise UnexpandedError(what=f"{odd[0]} of {what}")


def _inner(generator: Mapping[str, Any], what: str) -> Sequence[Any]:
    found = listed(generator.get("generators"), f"the generators of {what}")
    if not found:
        raise UnexpandedError(what=f"{what} without generators")
    return found


def _rules(value: Any, what: str) -> list[tuple[str, bool]]:
    """Return paths, and whether each is left out."""
    rules = [mapping(rule, f"one of the {what} of a git generator") for rule in listed(value, what)]
    for rule in rules:
        _only(rule, {"path", "exclude"}, f"one of the {what} of a git generator")
    return [(str(rule.get("path", "")), rule.get("exclude") is True) for rule in rules]


def _bounded(found: list[Parameters]) -> list[Parameters]:
    if len(found) > _MOST:
        raise UnexpandedError(what=f"more than {_MOST:,} applications of one generator")
    return found


def _key(one: Parameters, keys: Sequence[str]) -> str:
    return json.dumps([one.get(key) for key in keys], sort_keys=True, default=str)
