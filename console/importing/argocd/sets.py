"""ApplicationSets: the applications that they stand for, or a selector in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.yaml import Path
from console.importing.argocd.clusters import Clusters
from console.importing.argocd.generators import Checkouts, Expansion, Parameters, UnexpandedError
from console.importing.foreign import Foreign

_NAMES_A_CLUSTER = re.compile(r"\{\{-?\s*\.?(name|nameNormalized|server)\s*-?\}\}")
_TEMPLATE: Path = ("spec", "template")
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a set stands for.

    Attributes:
        applications: at least one, unless what is missing was said.
        select: chooses the clusters of the one application, where they are chosen by labels alone.
    """

    applications: list[Foreign] = field(default_factory=list)
    select: Mapping[str, Any] = field(default_factory=dict)


def expanded(one: Foreign, clusters: Clusters, checkouts: Checkouts) -> Expanded:
    """Return what an ApplicationSet stands for; what cannot be told is noted with it."""
    one.take("spec", "goTemplateOptions")
    one.take("spec", "syncPolicy")
    go = bool(one.take("spec", "goTemplate"))
    generators, template = one.take("spec", "generators", default=[]), one.take(*_TEMPLATE, default={})
    expansion = Expansion(clusters, checkouts, go=go)
    by_labels = _by_labels(generators, template, expansion)
    if by_labels is not None:
        return Expanded([_application(one, by_labels[0])], by_labels[1])
    found: list[Foreign] = []
    for number, generator in enumerate(generators):
        try:
            for parameters in expansion.parameters(generator)[:_MOST]:
                found.append(_application(one, expansion.filled(template, parameters)))
        except UnexpandedError as missing:
            what = f"{missing} cannot be expanded".replace(": cannot be expanded", "")
            one.say(("spec", "generators", number), what, "write the applications by hand")
    return Expanded(found)


def _by_labels(generators: Any, template: Any, expansion: Expansion) -> tuple[Any, Mapping[str, Any]] | None:
    """Return the template and a selector, if a set is one application on clusters that labels choose."""
    if len(generators) != 1 or set(generators[0]) != {"clusters"} or (generators[0]["clusters"] or {}).get("values"):
        return None
    wanted = (generators[0]["clusters"] or {}).get("selector") or {}
    labels = {
        key: str(value) for key, value in (wanted.get("matchLabels") or {}).items() if not key.startswith("argocd.")
    }
    rules = wanted.get("matchExpressions") or []
    spec = template.get("spec") or {}
    bare = {
        **template,
        "metadata": {"name": _NAMES_A_CLUSTER.sub("", str((template.get("metadata") or {}).get("name", "")))},
        "spec": {**spec, "destination": {"namespace": (spec.get("destination") or {}).get("namespace")}},
    }
    try:
        expansion.filled(bare, _nothing())
    except UnexpandedError:
        return None
    select = {"matchLabels": labels, "matchExpressions": rules}
    return bare, {key: value for key, value in select.items() if value} or {"all": True}


def _nothing() -> Parameters:
    return {}


def _application(one: Foreign, filled: Any) -> Foreign:
    value = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **filled}
    return Foreign(one.file, one.document, value, _TEMPLATE, title=f"{one.kind} {one.name}")
