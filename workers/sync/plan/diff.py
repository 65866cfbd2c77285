"""What an apply would change, field by field. Values of Secrets never appear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from common.domain.differences import NO_DIFF, ChangedField, Diff
from common.domain.foreign import further
from common.domain.redact import MASK, cut, redacted
from common.domain.secrecy import NO_SECRETS, Secrets
from workers.sync.plan.owners import Element, Owners, Step
from workers.sync.plan.veil import hidden_element, hidden_field, veiled

FIELD_LIMIT = 200
"""Most fields of one object."""
VALUE_LIMIT = 200
"""Most characters of one value."""
TEXT_LIMIT = 32_768
"""Most characters of all fields of one object together."""
_ABSENT = object()
_OF_SECRETS = frozenset({"data", "stringData"})
_NOT_COMPARED = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink", "deletionTimestamp"}
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def diff(live: Mapping[str, Any], result: Mapping[str, Any], *, secrets: Secrets = NO_SECRETS) -> Diff:
    """Return the fields that differ.

    Status and what the API server keeps by itself are left out. False means that nothing would change.

    Args:
        live: the object as it is; its ``managedFields`` say who holds what.
        result: as the dry-run says it would become.
        secrets: what may be in it and is shown nowhere. Where there are any, what was before a secret, or before
            nothing, is not shown either: it may be the secret of before.
    """
    before, after = _comparable(live), _comparable(result)
    if before == after:
        return NO_DIFF
    shown, owners = _Shown(secrets, of_secret=_is_secret(result)), Owners(live)
    found = shown.walk(_Place(), before, after)
    fields: list[ChangedField] = []
    left, more = TEXT_LIMIT, 0
    for one in islice(found, FIELD_LIMIT):
        field = shown.field(one, owners)
        left -= len(field.line) + len(field.owner)
        if left < 0:
            more = 1
            break
        fields.append(field)
    return Diff(tuple(fields), more + sum(1 for _ in found))


def _is_secret(manifest: Mapping[str, Any]) -> bool:
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"


def _comparable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in manifest.items() if key != "status"}
    metadata = manifest.get("metadata") or {}
    kept["metadata"] = {key: value for key, value in metadata.items() if key not in _NOT_COMPARED}
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        # It repeats the whole object, values of a Secret included.
        kept["metadata"]["annotations"] = {**annotations, _LAST_APPLIED: MASK}
    return kept


def _by_name(elements: list[Any]) -> dict[str, Any]:
    """Return list elements by their name where all have one, else by position."""
    names = [each.get("name") if isinstance(each, Mapping) else None for each in elements]
    if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return {f"name={name}": each for name, each in zip(names, elements, strict=True)}
    return {str(index): each for index, each in enumerate(elements)}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: ``path`` in words without secrets, the ``way`` there, whether values there are ``hidden``."""

    path: str = ""
    way: tuple[Step, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class _Difference:
    """Two values that differ, and where."""

    place: _Place
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class _Shown:
    """How differences of one object are shown: ``of_secret`` is one, of which no value is."""

    secrets: Secrets
    of_secret: bool

    def walk(self, at: _Place, before: Any, after: Any) -> Iterator[_Difference]:
        """Yield what differs of two values that do."""
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for key in sorted(before.keys() | after.keys()):
                old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
                if old != new:
                    hidden = self._of_secret(at, key) or hidden_field(key, before, after, hidden=at.hidden)
                    way = further(at.path, f".{self.secrets.masked(key)}")
                    yield from self.walk(_Place(way, (*at.way, key), hidden), old, new)
        elif isinstance(before, list) and isinstance(after, list):
            olds, news, sides = _by_name(before), _by_name(after), (before, after)
            for key in [*olds, *(key for key in news if key not in olds)]:
                old, new = olds.get(key, _ABSENT), news.get(key, _ABSENT)
                if old != new:
                    way = further(at.path, f"[{self.secrets.masked(key)}]")
                    element = Element(new if old is _ABSENT else old)
                    hidden = at.hidden or any(key.isdecimal() and hidden_element(int(key), side) for side in sides)
                    yield from self.walk(_Place(way, (*at.way, element), hidden), old, new)
        else:
            yield _Difference(at, before, after)

    def _of_secret(self, at: _Place, key: str) -> bool:
        """Return whether a value is a Secret's."""
        return self.of_secret and (at.hidden or (not at.way and key in _OF_SECRETS))

    def field(self, one: _Difference, owners: Owners) -> ChangedField:
        """Return a difference as it is told."""
        owner = _plain(redacted(self.secrets.masked(owners.of(one.place.way))))
        path = _plain(redacted(one.place.path))
        old, new = (self._value(value, masked=one.place.hidden) for value in (one.before, one.after))
        if old is not None and self.secrets and (one.after is _ABSENT or self.secrets.holds(one.after)):
            old = MASK
        found = ChangedField(path, old, new, owner, masked=MASK in f"{old}{new}")
        if redacted(found.line) == found.line:
            return found
        # What stands before a value says what it is: a secret, by its field's name.
        old, new = (None if value is None else MASK for value in (old, new))
        return ChangedField(path, old, new, owner, masked=True)

    def _value(self, value: Any, *, masked: bool) -> str | None:
        if value is _ABSENT:
            return None
        if self.of_secret and masked:
            return MASK
        value = veiled(value, hidden=masked)
        if value == MASK:
            return MASK
        # Cut after it was masked: half of a secret is one still, and no pattern knows it.
        text = redacted(cut(orjson.dumps(self.secrets.masked_in(value), default=str).decode()))
        return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"


def _plain(words: str) -> str:
    """Return what a stranger called a field or a manager on one line."""
    return "".join(each if each.isprintable() else "\ufffd" for each in words)
