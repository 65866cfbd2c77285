"""``${name}`` in rendered objects. Pure.

Forms: ``${name}``, ``${name:=default}``, and ``$${name}`` for the text ``${name}``. A name is a path through the
values: ``${replicas}``, ``${cluster.name}``, ``${cluster.labels.region}``; keys that hold dots are found too.
Only texts inside the parsed objects are looked at, never keys, so that no value can change an object's shape. What a
value holds is not looked at again.

A text that is one variable and nothing else takes the value's own type, so that ``replicas: ${replicas}`` is a number
(a default is read as YAML reads it); except where Kubernetes wants texts: labels, annotations, selectors, ``data``,
environment values, arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.domain.errors import sentences
from common.yaml.scalars import plain
from workers.render.faults import UndefinedVariableError
from workers.render.manifests import Sourced

SWITCH = "flotilla.dev/substitute"
_VARIABLE = re.compile(r"\$?\$\{(?P<body>[^{}]*)\}")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_./-]*)(?P<has>:=(?P<default>.*))?", re.DOTALL)
_TEXT_MAPS = frozenset(
    {"labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", "binaryData", "commonLabels"}
)
_TEXT_LISTS = frozenset({"args", "command"})
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in an object a text stands."""

    origin: str
    object: str
    path: tuple[str | int, ...] = ()

    def at(self, step: str | int) -> _Place:
        return _Place(self.origin, self.object, (*self.path, step))

    @property
    def wants_text(self) -> bool:
        parents = [step for step in self.path if isinstance(step, str)]
        last = self.path[-1] if self.path else ""
        if isinstance(last, int):
            return bool(parents) and parents[-1] in _TEXT_LISTS
        above = parents[-2] if len(parents) > 1 else ""
        return above in _TEXT_MAPS or (last == "value" and above == "env")

    def __str__(self) -> str:
        return f"{self.origin}: {self.object}: {'.'.join(map(str, self.path))}"


def substitute(manifests: Sequence[Sourced], variables: Mapping[str, Any]) -> tuple[Sourced, ...]:
    """Return ``manifests`` with their variables replaced; those that have none are returned as they are.

    An object whose label or annotation ``flotilla.dev/substitute`` is ``disabled`` is left alone.

    Args:
        manifests: as rendered.
        variables: the merged values, the cluster's own under ``cluster``.

    Raises:
        UndefinedVariableError: names every variable without a value or default, and every ``${`` of another form, with
            file, object and field.
    """
    faults: list[str] = []
    done = []
    for item in manifests:
        if _is_disabled(item.manifest):
            done.append(item)
            continue
        metadata = item.manifest.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
        place = _Place(item.origin, f"{item.manifest.get('kind', '')} {name}")
        done.append(Sourced(_walk(item.manifest, variables, place, faults), item.origin))
    if faults:
        more = f" (and {len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else ""
        raise UndefinedVariableError(
            sentences(*faults[:_SHOWN]) + more,
            remedy="Give a value in the registry, or a default (${name:=default}); $${name} is the text itself.",
        )
    return tuple(done)


def _is_disabled(manifest: Mapping[str, Any]) -> bool:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        return False
    return any(
        isinstance(marks, Mapping) and marks.get(SWITCH) == "disabled"
        for marks in (metadata.get("annotations"), metadata.get("labels"))
    )


def _walk(value: Any, variables: Mapping[str, Any], place: _Place, faults: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, variables, place, faults) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: _walk(item, variables, place.at(key), faults) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, variables, place.at(number), faults) for number, item in enumerate(value)]
    return value


def _text(text: str, variables: Mapping[str, Any], place: _Place, faults: list[str]) -> Any:
    whole = _VARIABLE.fullmatch(text)
    if whole is not None and not text.startswith("$$"):
        value = _value(whole["body"], variables, place, faults)
        return _shown(value) if place.wants_text else value

    def replaced(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        body = _BODY.fullmatch(match["body"])
        if body is not None and body["has"] and not _found(body["name"], variables):
            return body["default"]  # as written: its type does not matter inside a text
        return _shown(_value(match["body"], variables, place, faults))

    done = _VARIABLE.sub(replaced, text)
    if "${" in _VARIABLE.sub("", text):
        faults.append(f"{place}: a ${{ without its end, or one inside another")
    return done


def _value(body: str, variables: Mapping[str, Any], place: _Place, faults: list[str]) -> Any:
    match = _BODY.fullmatch(body)
    if match is None:
        shown = "..." if place.object.startswith("Secret ") else body[:80]  # it may be a part of a password
        faults.append(f"{place}: ${{{shown}}} is not a form known here")
        return ""
    found = _found(match["name"], variables)
    if not found:
        if match["has"]:
            return _default(match["default"])
        faults.append(f"{place}: ${{{match['name']}}} has no value")
        return ""
    (value,) = found
    if value is None or isinstance(value, (Mapping, list)):
        kind = "null" if value is None else "a mapping or list"
        faults.append(f"{place}: ${{{match['name']}}} is {kind}, not a text, number or boolean")
        return ""
    return value


def _default(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    try:
        value = plain(text)
    except ValueError:
        return text
    return text if value is None else value


def _found(name: str, variables: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the value of a dotted name in a tuple of one, or nothing; longer keys are tried first."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        key = ".".join(parts[:count])
        if key not in variables:
            continue
        value = variables[key]
        if count == len(parts):
            return (value,)
        if isinstance(value, Mapping):
            found = _found(".".join(parts[count:]), value)
            if found:
                return found
    return ()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
