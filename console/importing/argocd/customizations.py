"""What an ``argocd-cm`` says of kinds: rules of health as HealthRules, ignored fields into each application.

Two forms: a key for each kind and purpose, and one block of YAML for all. A key of its own wins over the block.
Source: https://argo-cd.readthedocs.io/en/stable/operator-manual/health/ and ``diffing.md`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.registry import DocumentError, application_alone, parse
from common.yaml import MANIFEST_LIMITS, Path, YamlError, dump, load_documents
from console.importing.argocd.applications import ignore_rule
from console.importing.foreign import Finding, Foreign
from console.importing.naming import apart
from console.importing.outcome import Draft, document
from console.importing.words import name_of

_CONFIG = "argocd-cm"
_BLOCK = "resource.customizations"
_PURPOSES = ("health", "useOpenLibs", "ignoreDifferences", "actions", "ignoreResourceUpdates", "knownTypeFields")
_IN_BLOCK = {"health.lua": "health", "health.lua.useOpenLibs": "useOpenLibs"}
"""What the block calls otherwise."""
_TOLD = {
    "actions": ("actions are buttons of Argo CD's, and have no place", "do by a commit what they do, or with kubectl"),
    "ignoreResourceUpdates": ("it spares Argo CD's watches, and nothing is watched here", "leave it out"),
    "knownTypeFields": ("it tells Argo CD how to compare, and here the API server does", "leave it out"),
}
_SIGNS = frozenset("?[]{}!\\")
"""Of patterns that Argo CD knows beside stars."""
_FLEET = dump({"apiVersion": "flotilla.dev/v1", "kind": "Fleet", "metadata": {"name": "imported"}, "spec": {}}).encode()
Kind = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Customizations:
    """What came of it.

    Attributes:
        documents: HealthRules, by the names of files for them.
        ignore: rules for each application.
        findings: what has no place.
    """

    documents: Mapping[str, Mapping[str, Any]]
    ignore: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding]

    def into(self, draft: Draft) -> Draft:
        """Return an application with the rules that hold for all."""
        if not self.ignore:
            return draft
        sync: Mapping[str, Any] = draft.spec.get("sync", {})
        own = sync.get("ignore", [])
        rules = [*own, *(rule for rule in self.ignore if rule not in own)]
        return replace(draft, spec={**draft.spec, "sync": {**sync, "ignore": rules}})


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a kind for one purpose, and where."""

    one: Foreign
    path: Path
    value: Any


def customizations(others: Iterable[Foreign]) -> Customizations:
    """Return what ConfigMaps called ``argocd-cm`` say of kinds; their other settings are Argo CD's own."""
    configs = [one for one in others if (one.group, one.kind, one.name) == ("", "ConfigMap", _CONFIG)]
    said: dict[tuple[Kind, str], _Said] = {}
    for one in configs:
        for kind, purpose, found in (*_in_block(one), *_in_keys(one)):
            said[kind, purpose] = found
    documents = _health_rules({kind: one for (kind, purpose), one in said.items() if purpose == "health"})
    ignore: list[Mapping[str, Any]] = []
    inner: list[Foreign] = []
    for (kind, purpose), found in said.items():
        if purpose == "ignoreDifferences":
            rule, told = _ignored(found, kind)
            inner.append(told)
            ignore += [rule] if rule else []
        elif purpose in _TOLD:
            what, remedy = _TOLD[purpose]
            found.one.say(found.path, f"{purpose} of {_shown(kind)}: {what}", remedy)
        elif purpose == "useOpenLibs" and str(found.value).lower() in {"true", "1", "t"}:
            what = f"useOpenLibs of {_shown(kind)}: a script has table, string, math, os.time and os.date here"
            found.one.say(found.path, what, "try it: flotilla health OBJECTS --rules HEALTHRULE")
    for one in configs:
        one.drop()
    return Customizations(documents, ignore, [each for one in (*configs, *inner) for each in one.findings()])


def _in_block(one: Foreign) -> Iterator[tuple[Kind, str, _Said]]:
    path: Path = ("data", _BLOCK)
    for key, customs in _mapping(one, path, one.take_text(*path)).items():
        kind = _kind(one, path, str(key), "/")
        if kind is None:
            continue
        if not isinstance(customs, Mapping):
            one.say(path, f"what {key} has is no mapping", "correct it")
            continue
        for name, value in customs.items():
            purpose = _IN_BLOCK.get(str(name), str(name))
            if purpose in _PURPOSES and value not in (None, ""):
                yield kind, purpose, _Said(one, path, value)
            elif purpose not in _PURPOSES:
                one.say(path, f"{name} of {key} has no place", "see whether it is needed")


def _in_keys(one: Foreign) -> Iterator[tuple[Kind, str, _Said]]:
    for key in one.keys("data"):
        if not isinstance(key, str) or not key.startswith(f"{_BLOCK}."):
            continue
        path: Path = ("data", key)
        purpose, _, named = key.removeprefix(f"{_BLOCK}.").partition(".")
        value = one.take_text(*path)
        if purpose not in _PURPOSES or not named:
            one.say(path, f"{key} is no customization that Argo CD knows", "correct the key")
        elif value and (kind := _kind(one, path, "*_*" if named == "all" else named, "_")) is not None:
            yield kind, purpose, _Said(one, path, value)


def _kind(one: Foreign, path: Path, text: str, between: str) -> Kind | None:
    parts = text.split(between)
    kind = ("", *parts) if len(parts) == 1 else tuple(parts)
    if len(kind) != 2 or not kind[1] or _SIGNS & set(text):
        one.say(path, f"{text} is no group and kind, or a pattern with more than stars", "name the kinds")
        return None
    return kind[0], kind[1]


def _mapping(one: Foreign, path: Path, text: str) -> Mapping[Any, Any]:
    """Return the mapping that a text holds as YAML; empty where it holds none, which is said."""
    if not text.strip():
        return {}
    try:
        documents = load_documents(text.encode("utf-8", "replace"), MANIFEST_LIMITS)
    except YamlError as error:
        one.say(path, f"what it holds is no YAML: {error.faults[0].what}", "correct it")
        return {}
    if len(documents) != 1 or not isinstance(documents[0].value, Mapping):
        one.say(path, "what it holds is no mapping", "correct it")
        return {}
    return documents[0].value


def _health_rules(said: Mapping[Kind, _Said]) -> dict[str, Mapping[str, Any]]:
    ways: dict[tuple[str, ...], tuple[str, ...]] = {
        kind: (name_of(*(part.replace("*", "all") for part in kind if part)),) for kind in said
    }
    names = apart(ways)
    documents: dict[str, Mapping[str, Any]] = {}
    for kind, found in said.items():
        spec = {"group": kind[0], "kind": kind[1], "lua": found.value}
        rule = document("HealthRule", names[kind], {key: value for key, value in spec.items() if value != ""})
        if _is_taken(found, kind, rule):
            documents[f"health/{names[kind]}.yaml"] = rule
    return documents


def _is_taken(found: _Said, kind: Kind, rule: Mapping[str, Any]) -> bool:
    try:
        faults = parse({"fleet.yaml": _FLEET, "rule.yaml": dump(rule).encode()}).faults
        wrong = faults[0].what if faults else ""
    except ValueError:
        wrong = "it holds what YAML cannot"
    if wrong:
        what = f"health of {_shown(kind)}: the registry refuses what it would become: {wrong}"
        found.one.say(found.path, what, "correct it there, and import it again; until then it is not written")
    return not wrong


def _ignored(found: _Said, kind: Kind) -> tuple[dict[str, Any], Foreign]:
    """Return the rule for each application, empty where there is none, and what of it has no place."""
    one, path = found.one, found.path
    text = found.value if isinstance(found.value, str) else dump(found.value)
    value = {**_mapping(one, path, text), "kind": kind[1], "group": kind[0]}
    inner = Foreign(one.file, one.document, value, path, f"ConfigMap {_CONFIG}: ignoreDifferences of {_shown(kind)}")
    if any("*" in part for part in kind):
        inner.set_aside((), "a rule for every kind or group has no place", "name the kinds in each application")
        return {}, inner
    rule = ignore_rule(inner, ())
    rule = {"group": "", **rule} if rule else {}
    if rule and (wrong := _wrong_in_an_application(rule)):
        inner.set_aside((), f"the registry refuses what it would become: {wrong}", "correct it there")
        rule = {}
    return rule, inner


def _wrong_in_an_application(rule: Mapping[str, Any]) -> str:
    """Return why no application takes a rule; empty where each does. It would be in all of them."""
    spec = {
        "source": {"repo": "https://git.example.com/some.git", "path": ".", "ref": {"branch": "main"}},
        "namespace": "some",
        "targets": [{"name": "all", "clusters": ["some"]}],
        "sync": {"ignore": [rule]},
    }
    try:
        application_alone(dump(document("Application", "some", spec)).encode(), "it")
    except (DocumentError, ValueError) as error:
        return "; ".join(line.partition(": ")[2] for line in str(error).splitlines())
    return ""


def _shown(kind: Kind) -> str:
    return "/".join(filter(None, kind))
