"""What Flux does to objects of its own between Git and the cluster: variables filled in, and patches. It is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.domain import formatting
from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from console.importing.foreign import Foreign
from console.importing.nesting import Nesting
from console.importing.outcome import Draft
from console.importing.words import folder

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_PLAIN = re.compile(r"[A-Za-z0-9.-]+")
_SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"
_MOST_NAMED = 3


def say_unfilled(drafts: Sequence[Draft], nesting: Nesting) -> None:
    """Note of each application the variables in it for which no value is known, and who would fill them in."""
    for draft in drafts:
        one = draft.owner
        names = [] if _is_final(one) else list(dict.fromkeys(_variables(_not_filled(draft))))
        if not names:
            continue
        parent = _nearest(one, nesting)
        many = len(names) > 1
        each = ", ".join(f"${{{name}}}" for name in names[:_MOST_NAMED])
        each += f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        those = "them" if many else "it"
        who = f"what applies it may fill {those} in"
        if parent is not None and parent.has("spec", "postBuild"):
            who = f"Kustomization {parent.namespace}/{parent.name} fills {those} in by its postBuild"
        stand = "stand in it as they are written" if many else "stands in it as it is written"
        one.say((), f"{each} {stand}; {who}", "import what is on the cluster, or write what is meant")


def say_patched(objects: Sequence[Foreign], nesting: Nesting) -> None:
    """Note of each Kustomization how many objects of Flux in its folder its patches change."""
    for parent in objects:
        patches = parent.look("spec", "patches") if parent.kind == "Kustomization" else None
        if not isinstance(patches, list):
            continue
        aims = [aim for patch in patches for aim in _aims(patch)]
        children = [one for one in nesting.below(parent) if not _is_lying(one) and _nearest(one, nesting) is parent]
        changed = [one for one in children if any(_changes(aim, one) for aim in aims)]
        if changed:
            count = formatting.of(len(changed), "object")
            what = f"its patches change {count} of Flux, which are imported as their files say"
            parent.say(("spec", "patches"), what, "import what is on the cluster, or what `flux build` prints")


def _is_lying(one: Foreign) -> bool:
    """Tell whether it comes from a cluster, which holds what Flux has made of it."""
    return one.has("metadata", "uid")


def _is_final(one: Foreign) -> bool:
    marks = (one.look("metadata", part, _SUBSTITUTE) for part in ("labels", "annotations"))
    return _is_lying(one) or "disabled" in marks


def _not_filled(draft: Draft) -> Mapping[str, Any]:
    """Return what is written; without what its own variables are filled into: a Kustomization's patches and images."""
    return {key: part for key, part in draft.spec.items() if key != "render" or "substitute" not in draft.spec}


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _variables(key)
            yield from _variables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _variables(inner)


def _nearest(one: Foreign, nesting: Nesting) -> Foreign | None:
    """Return the Kustomization that applies it: of several, the one with the deepest folder."""
    parents = [up for up in nesting.above(one) if up.kind == "Kustomization"]
    return max(parents, key=_depth, default=None)


def _depth(one: Foreign) -> int:
    path = one.look("spec", "path")
    return len(folder(path.removeprefix("./"))) if isinstance(path, str) else 0


def _aims(patch: Any) -> list[tuple[Any, Any, Any]]:
    """Return the kinds, groups and names that a patch of Kustomize is for, as it writes them."""
    if not isinstance(patch, Mapping):
        return []
    target, body = patch.get("target"), patch.get("patch")
    if isinstance(target, Mapping):
        return [(target.get("kind"), target.get("group"), target.get("name"))]
    try:
        documents = load_documents(body.encode(), MANIFEST_LIMITS) if isinstance(body, str) else ()
    except (YamlError, ValueError):
        return []
    return [aim for document in documents if (aim := _named(document.value)) is not None]


def _named(value: Any) -> tuple[Any, Any, Any] | None:
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    named = isinstance(metadata, Mapping) and isinstance(value.get("kind"), str) and metadata.get("name")
    return (value["kind"], None, named) if named else None


def _changes(aim: tuple[Any, Any, Any], one: Foreign) -> bool:
    return all(_fits(pattern, word) for pattern, word in zip(aim, (one.kind, one.group, one.name), strict=True))


def _fits(pattern: Any, word: str) -> bool:
    """Tell whether a pattern of a patch may be for a word; it is not run, only its alternatives are compared."""
    if not isinstance(pattern, str) or not pattern:
        return True
    parts = [part.strip("^$()") for part in pattern.split("|")]
    return word in parts or not all(_PLAIN.fullmatch(part) for part in parts)
