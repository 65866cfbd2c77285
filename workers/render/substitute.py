"""``${name}`` in rendered objects. Pure.

Forms: ``workers.render.variables``; ``$${name}`` is the text ``${name}``. Keys of the values that hold dots are found
too. Only the parsed objects are looked at, so that no value can change an object's shape. What a value holds is not
looked at again.

A text that is one variable and nothing else takes the value's own type, so that ``replicas: ${replicas}`` is a number
(a default is read as YAML reads it); except where Kubernetes wants texts: labels, annotations, selectors, ``data``,
environment values, arguments.

In the scope ``yaml`` the outcome is that of Flux, which replaces in the written YAML and reads it again: keys too are
looked at, and a text that would be written without quotes is read anew once values are in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from common.domain.errors import sentences
from common.domain.fleet import Substitution, SubstitutionScope, Undefined
from common.domain.foreign import further
from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from common.yaml.scalars import plain
from workers.render.faults import ToolBoundsError, UndefinedVariableError
from workers.render.manifests import Sourced
from workers.render.variables import Escapes, Odd, Piece, Variable, like_a_form, pieces

SWITCHES = ("flotilla.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute")
_AS_ALWAYS = Substitution()
_CLUSTER = "cluster"
_QUOTES = ("'", '"')
_INDICATORS = frozenset(",[]{}#&*!|>'\"%@` ")
"""A text that begins with one of these is written in quotes, or might be."""
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
    """One substitution: what is known, what was wrong, and how much it may still cost.

    Attributes:
        cluster: the application's own value of that name, which hides the cluster's where it is the whole name.
    """

    variables: Mapping[str, Any]
    how: Substitution
    cluster: Any = None
    faults: list[str] = field(default_factory=list)
    unsaid: int = 0
    remembered: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    inserted: int = 0
    tries: int = 0

    @property
    def as_written(self) -> bool:
        """Whether the outcome is that of replacing in the written YAML."""
        return self.how.scope is SubstitutionScope.YAML

    @property
    def escapes(self) -> Escapes:
        """How a ``$`` is written that begins no variable."""
        return Escapes.EVERYWHERE if self.as_written else Escapes.BEFORE_BRACES

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
        return value.replace("\n", "") if self.as_written and isinstance(value, str) else value

    def found(self, name: str) -> tuple[Any, ...]:
        """Return the value of a dotted name in a tuple of one, or nothing; longer keys are tried first.

        Raises:
            ToolBoundsError: there are too many ways to read the names.
        """
        if name == _CLUSTER and self.as_written and isinstance(self.cluster, (str, int, float)):
            return (self.cluster,)
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


def substitute(
    manifests: Sequence[Sourced], variables: Mapping[str, Any], how: Substitution = _AS_ALWAYS, *, cluster: Any = None
) -> tuple[Sourced, ...]:
    """Return ``manifests`` with their variables replaced; those that have none are returned as they are.

    An object whose label or annotation ``flotilla.dev/substitute``, or that of Flux, is ``disabled`` is left alone.

    Args:
        manifests: as rendered.
        variables: the merged values, the cluster's own under ``cluster``.
        how: the registry says it.
        cluster: the application's own value of that name; in the scope ``yaml`` it is what ``${cluster}`` stands for.

    Raises:
        UndefinedVariableError: names every variable without a value or default, and every ``${`` of another form, with
            file, object and field.
        ToolBoundsError: it takes too much.
    """
    work = _Work(variables, how, cluster)
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
        isinstance(marks, Mapping) and any(marks.get(switch) == "disabled" for switch in SWITCHES)
        for marks in (metadata.get("annotations"), metadata.get("labels"))
    )


def _walk(value: Any, place: _Place, work: _Work) -> Any:
    if isinstance(value, str):
        return _text(value, place, work) if "$" in value else value
    if isinstance(value, Mapping):
        done = {key: _walk(item, place.at(key), work) for key, item in value.items()}
        return _with_keys(done, place, work) if work.as_written and any("$" in key for key in done) else done
    if isinstance(value, list):
        return [_walk(item, place.at(number), work) for number, item in enumerate(value)]
    return value


def _with_keys(mapping: dict[str, Any], place: _Place, work: _Work) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for key, item in mapping.items():
        name = _joined(pieces(key, work.escapes), place.at(key), work) if "$" in key else key
        if name in done:
            work.fault(place.at(key), "a key that is there already, once variables are in it")
        done[name] = item
    return done


def _text(text: str, place: _Place, work: _Work) -> Any:
    parts = pieces(text, work.escapes)
    first = tuple(islice(parts, 2))
    if len(first) == 1 and isinstance(first[0], Variable):
        value = _whole(first[0], place, work)
    else:
        value = _joined(chain(first, parts), place, work)
    if work.as_written and isinstance(value, str):
        return _read_again(value, place) if _unquoted(text) else value
    return _shown(value) if place.wants_text else value


def _joined(parts: Iterable[Piece], place: _Place, work: _Work) -> str:
    """Return the parts as one text, defaults as they are written: their type does not matter inside one."""
    return "".join(part if isinstance(part, str) else _shown(_part(part, place, work)) for part in parts)


def _part(part: Variable | Odd, place: _Place, work: _Work) -> Any:
    if isinstance(part, Odd):
        form = part.form and ("${...}" if place.object.startswith("Secret ") else part.form)  # perhaps of a password
        work.fault(place, f"{form} {part.what}".strip())
        return ""
    found = _value(part, place, work)
    if found:
        return found[0]
    return "" if part.default is None else _joined(part.default, place, work)


def _whole(variable: Variable, place: _Place, work: _Work) -> Any:
    """Return what takes the place of a text that is one variable."""
    found = _value(variable, place, work)
    if found:
        return found[0]
    default = variable.default or ()
    if len(default) == 1 and isinstance(default[0], Variable):
        return _whole(default[0], place, work)
    text = _joined(default, place, work)
    if work.as_written:
        return text
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        return text[1:-1]
    value = None if place.wants_text else _plain(text)
    return text if value is None else value


def _value(variable: Variable, place: _Place, work: _Work) -> tuple[Any, ...]:
    """Return the value in a tuple of one; none where the default takes its place, or nothing does."""
    found = work.found(variable.name)
    if variable.default is not None and (not found or found == ("",)):
        return ()
    if not found:
        _none(variable.name, place, work)
        return ("",)
    (value,) = found
    if value is None or isinstance(value, (Mapping, list)):
        kind = "null" if value is None else "a mapping or list"
        work.fault(place, f"${{{variable.name}}} is {kind}, not a text, number or boolean")
        return ("",)
    return (work.insert(value),)


def _none(name: str, place: _Place, work: _Work) -> None:
    """Note that a name has no value, where that is a fault."""
    form = like_a_form(name)
    may_be_empty = work.how.undefined is Undefined.EMPTY
    if form is not None and (may_be_empty or work.found(form[0])):
        _part(form[1], place, work)
    elif not may_be_empty:
        work.fault(place, f"${{{name}}} has no value")


def _unquoted(text: str) -> bool:
    """Return whether Kustomize writes a text, as it was before, without quotes and on one line."""
    begins = text[0] not in _INDICATORS and not text.startswith(("- ", "? "))
    return begins and not text.endswith((":", " ")) and not any(sign in text for sign in (": ", " #", "\n"))


def _read_again(text: str, place: _Place) -> Any:
    """Return what a text without quotes means to a reader of YAML, as long as that is no list and no mapping."""
    stripped = text.strip(" ")
    if stripped[:1] in _QUOTES:
        return _without_quotes(stripped)
    return stripped if place.wants_text else _plain(stripped)


def _without_quotes(text: str) -> str:
    try:
        documents = load_documents(text.encode(), MANIFEST_LIMITS)
    except YamlError:
        return text
    return documents[0].value if len(documents) == 1 and isinstance(documents[0].value, str) else text


def _plain(text: str) -> Any:
    try:
        return plain(text)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
