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
from dataclasses import dataclass, field
from typing import Any

from common.domain.errors import sentences
from common.domain.foreign import further
from common.yaml.scalars import plain
from workers.render.faults import ToolBoundsError, UndefinedVariableError
from workers.render.manifests import Sourced

SWITCH = "flotilla.dev/substitute"
_VARIABLE = re.compile(r"\$?\$\{(?P<body>[^{}]*)\}")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_./-]{0,252})(?P<has>:=(?P<default>.*))?", re.DOTALL)
_TEXT_MAPS = frozenset(
    {"labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", "binaryData", "commonLabels"}
)
_TEXT_LISTS = frozenset({"args", "command"})
_SHOWN = 20
_LONGEST_OBJECT = 300
MOST_INSERTED = 64 << 20
"""Characters of values in all objects of one rendering: a long value may stand in many places."""
MOST_TRIES = 200_000
"""Keys that are looked for in the values, for all names: each dot of a name may part two keys, or belong to one."""


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
        way = ""
        for step in self.path:
            way = further(way, f".{step}" if way else f"{step}")
        return f"{self.origin}: {self.object[:_LONGEST_OBJECT]}: {way}"


@dataclass(slots=True)
class _Work:
    """One substitution: what is known, what was wrong, and how much it may still cost."""

    variables: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    unsaid: int = 0
    remembered: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    inserted: int = 0
    tries: int = 0

    def fault(self, place: _Place, what: str) -> None:
        """Note what is wrong, or just count it where enough is told."""
        if len(self.faults) < _SHOWN:
            self.faults.append(f"{place}: {what}")
        else:
            self.unsaid += 1

    def insert(self, value: Any) -> Any:
        """Return a value that takes the place of a variable.

        Raises:
            ToolBoundsError: all of them together are too long.
        """
        self.inserted += len(value) if isinstance(value, str) else 1
        if self.inserted > MOST_INSERTED:
            message = f"the values in place of variables have more than {MOST_INSERTED:,} characters"
            raise ToolBoundsError(message, remedy="Use long values in fewer places.")
        return value

    def found(self, name: str) -> tuple[Any, ...]:
        """Return the value of a dotted name in a tuple of one, or nothing; longer keys are tried first.

        Raises:
            ToolBoundsError: there are too many ways to read the names.
        """
        if name not in self.remembered:
            self.remembered[name] = self._below(name.split("."), self.variables)
        return self.remembered[name]

    def _below(self, parts: list[str], variables: Mapping[str, Any]) -> tuple[Any, ...]:
        for count in range(len(parts), 0, -1):
            self.tries += 1
            if self.tries > MOST_TRIES:
                message = f"the names of variables can be read in more than {MOST_TRIES:,} ways"
                raise ToolBoundsError(message, remedy="Leave dots out of the keys of values.")
            key = ".".join(parts[:count])
            if key not in variables:
                continue
            value = variables[key]
            if count == len(parts):
                return (value,)
            if isinstance(value, Mapping) and (found := self._below(parts[count:], value)):
                return found
        return ()


def substitute(manifests: Sequence[Sourced], variables: Mapping[str, Any]) -> tuple[Sourced, ...]:
    """Return ``manifests`` with their variables replaced; those that have none are returned as they are.

    An object whose label or annotation ``flotilla.dev/substitute`` is ``disabled`` is left alone.

    Args:
        manifests: as rendered.
        variables: the merged values, the cluster's own under ``cluster``.

    Raises:
        UndefinedVariableError: names every variable without a value or default, and every ``${`` of another form, with
            file, object and field.
        ToolBoundsError: it takes too much.
    """
    work = _Work(variables)
    done = []
    for item in manifests:
        if _is_disabled(item.manifest):
            done.append(item)
            continue
        metadata = item.manifest.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
        place = _Place(item.origin, f"{item.manifest.get('kind', '')} {name}")
        done.append(Sourced(_walk(item.manifest, place, work), item.origin))
    if work.faults:
        more = f" (and {work.unsaid} more)" if work.unsaid else ""
        raise UndefinedVariableError(
            sentences(*work.faults) + more,
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


def _walk(value: Any, place: _Place, work: _Work) -> Any:
    if isinstance(value, str):
        return _text(value, place, work) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: _walk(item, place.at(key), work) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, place.at(number), work) for number, item in enumerate(value)]
    return value


def _text(text: str, place: _Place, work: _Work) -> Any:
    whole = _VARIABLE.fullmatch(text)
    if whole is not None and not text.startswith("$$"):
        value = work.insert(_value(whole["body"], place, work))
        return _shown(value) if place.wants_text else value

    def replaced(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        body = _BODY.fullmatch(match["body"])
        if body is not None and body["has"] and not work.found(body["name"]):
            return body["default"]  # as written: its type does not matter inside a text
        return str(work.insert(_shown(_value(match["body"], place, work))))

    done = _VARIABLE.sub(replaced, text)
    if "${" in _VARIABLE.sub("", text):
        work.fault(place, "a ${ without its end, or one inside another")
    return done


def _value(body: str, place: _Place, work: _Work) -> Any:
    match = _BODY.fullmatch(body)
    if match is None:
        shown = "..." if place.object.startswith("Secret ") else body[:80]  # it may be a part of a password
        work.fault(place, f"${{{shown}}} is not a form known here")
        return ""
    found = work.found(match["name"])
    if not found:
        if match["has"]:
            return _default(match["default"])
        work.fault(place, f"${{{match['name']}}} has no value")
        return ""
    (value,) = found
    if value is None or isinstance(value, (Mapping, list)):
        kind = "null" if value is None else "a mapping or list"
        work.fault(place, f"${{{match['name']}}} is {kind}, not a text, number or boolean")
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


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
