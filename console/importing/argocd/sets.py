"""ApplicationSets: the applications that they stand for, or a selector in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.yaml import Path
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.generators import Checkouts, Expansion, UnexpandedError
from console.importing.foreign import Foreign, Key
from console.importing.words import laid_over

_NAMES_A_CLUSTER = re.compile(r"\{\{-? {0,9}\.?(name|nameNormalized|server) {0,9}-?\}\}")
_TEMPLATE: Path = ("spec", "template")


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a set stands for.

    Attributes:
        applications: what it makes.
        select: chooses the clusters of the one application, where they are chosen by labels alone.
        whole: whether that is all that it makes; if not, what is missing was said.
        named: what the one application is called in Argo CD, as its template has it, where there is ``select``.
    """

    applications: Sequence[Foreign] = ()
    select: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True
    named: str = ""


Sets = Mapping[Key, Expanded]
"""By the identity of the set."""


def expanded(one: Foreign, clusters: Clusters, checkouts: Checkouts, made: Sequence[Foreign]) -> Expanded:
    """Return what an ApplicationSet stands for; what cannot be told is noted with it.

    Those of its applications that Argo CD has ``made``, and that are among the files, need no generator.
    """
    one.drop("spec", "goTemplateOptions")
    one.drop("spec", "syncPolicy")
    expansion = Expansion(clusters, checkouts, go=one.take_flag("spec", "goTemplate"))
    generators, template = one.items("spec", "generators"), one.take_map(*_TEMPLATE)
    one.drop("spec", "generators")
    by_labels = _by_labels(one.name, [one.look(*item) for item in generators], template, expansion)
    if by_labels is not None:
        title = str(one.look(*_TEMPLATE, "metadata", "name"))
        return Expanded([_application(one, by_labels[0])], by_labels[1], named=title)
    if made:
        one.drop("spec")
        return Expanded(made)
    found: list[Foreign] = []
    whole = True
    for item in generators:
        try:
            generator, own = _own_template(one.look(*item))
            values = [expansion.filled(laid_over(template, own), each) for each in expansion.parameters(generator)]
        except UnexpandedError as missing:
            what = f"{missing} cannot be expanded".replace(": cannot be expanded", "")
            one.say(item, what, "name its applications with it: what is made needs no generator")
            whole = False
            continue
        for value in values:
            application = _application(one, value)
            if application.has_name():
                found.append(application)
            else:
                whole = False
                one.say(item, "an application without a name that there can be", "correct the template's name")
    if whole and not found:
        one.say(("spec", "generators"), "its generators make no application", "remove it, or correct them")
    return Expanded(found, whole=whole)


def _own_template(generator: Any) -> tuple[Any, dict[str, Any]]:
    """Return a generator without its own template, and that: what it says lies over the set's.

    https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Template/#generator-templates
    """
    if not isinstance(generator, Mapping):
        return generator, {}
    for kind, given in generator.items():
        if isinstance(given, Mapping) and isinstance(given.get("template"), Mapping):
            rest = {key: value for key, value in given.items() if key != "template"}
            return {**generator, kind: rest}, _said(given["template"])
    return generator, {}


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says something in a template: an empty field of a generator's leaves the set's as it is."""
    found = {key: _said(inner) if isinstance(inner, Mapping) else inner for key, inner in value.items()}
    return {key: inner for key, inner in found.items() if inner not in (None, "", {}, [])}


def _by_labels(
    name: str, generators: Sequence[Any], template: Mapping[str, Any], expansion: Expansion
) -> tuple[Any, Mapping[str, Any]] | None:
    """Return the template and a selector, if a set is one application on clusters that labels choose."""
    if len(generators) != 1 or not isinstance(generators[0], Mapping) or set(generators[0]) != {"clusters"}:
        return None
    given = generators[0]["clusters"] or {}
    if not isinstance(given, Mapping) or set(given) - {"selector"}:
        return None
    wanted, spec, metadata = given.get("selector") or {}, template.get("spec"), template.get("metadata")
    if not (isinstance(wanted, Mapping) and isinstance(spec, Mapping) and isinstance(metadata, Mapping)):
        return None
    labels, rules = wanted.get("matchLabels") or {}, wanted.get("matchExpressions") or []
    destination = spec.get("destination") or {}
    if set(wanted) - {"matchLabels", "matchExpressions"}:
        return None
    if not (isinstance(labels, Mapping) and isinstance(rules, list) and isinstance(destination, Mapping)):
        return None
    place = destination.get("server") or destination.get("name")
    if not isinstance(place, str) or _NAMES_A_CLUSTER.fullmatch(place) is None:
        return None
    own = {key: value for key, value in labels.items() if not key.startswith("argocd.")}
    if not _NAMES_A_CLUSTER.search(str(metadata.get("name"))) and "{{" in str(metadata.get("name")):
        return None
    bare = {
        **template,
        "metadata": {**metadata, "name": name},
        "spec": {
            **spec,
            "destination": {key: value for key, value in destination.items() if key not in {"server", "name"}},
        },
    }
    try:
        expansion.filled(bare, {})
    except UnexpandedError:
        return None
    select = {"matchLabels": own, "matchExpressions": rules}
    return bare, {key: value for key, value in select.items() if value} or {"all": True}


def _application(one: Foreign, filled: Any) -> Foreign:
    value = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **filled}
    return Foreign(one.file, one.document, value, _TEMPLATE, title=f"{one.kind} {one.name}")
