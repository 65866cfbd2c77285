"""What an apply would change, field by field, for people to read. Values of Secrets never appear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from common.domain.foreign import further
from common.domain.redact import MASK, redacted
from common.domain.secrecy import NO_SECRETS, Secrets

LINE_LIMIT = 200
"""Most differences listed for one object."""
VALUE_LIMIT = 200
"""Most characters of one value."""
_ABSENT = object()
_OF_SECRETS = frozenset({"data", "stringData"})
_NOT_COMPARED = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink", "deletionTimestamp"}
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def diff(live: Mapping[str, Any], result: Mapping[str, Any], *, secrets: Secrets = NO_SECRETS) -> str:
    """Return the differences, one a line: ``+ path: value``, ``- path: value``, ``~ path: before -> after``.

    Status and what the API server keeps by itself are left out. Empty means that nothing would change.

    Args:
        live: the object as it is.
        result: as the dry-run says it would become.
        secrets: what may be in it and is shown nowhere. Where there are any, what was before a secret, or before
            nothing, is not shown either: it may be the secret of before.
    """
    shown = _Shown(secrets, of_secret=_is_secret(result))
    found = shown.walk("", _comparable(live), _comparable(result))
    lines = [shown.line(one) for one in islice(found, LINE_LIMIT)]
    more = sum(1 for _ in found)
    if more > 0:
        lines.append(f"… and {more} more")
    return redacted("\n".join(lines))


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
class _Difference:
    """A field that differs; ``hidden`` where its values are a Secret's."""

    path: str
    before: Any
    after: Any
    hidden: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """How differences of one object are shown: ``of_secret`` is one, of which no value is."""

    secrets: Secrets
    of_secret: bool

    def walk(self, path: str, before: Any, after: Any, *, hidden: bool = False) -> Iterator[_Difference]:
        """Yield what differs; no secret is in its path."""
        if before == after:
            return
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for key in sorted(before.keys() | after.keys()):
                way = further(path, f".{self.secrets.masked(key)}")
                inner = hidden or (self.of_secret and not path and key in _OF_SECRETS)
                yield from self.walk(way, before.get(key, _ABSENT), after.get(key, _ABSENT), hidden=inner)
        elif isinstance(before, list) and isinstance(after, list):
            old, new = _by_name(before), _by_name(after)
            for key in [*old, *(key for key in new if key not in old)]:
                way = further(path, f"[{self.secrets.masked(key)}]")
                yield from self.walk(way, old.get(key, _ABSENT), new.get(key, _ABSENT), hidden=hidden)
        else:
            yield _Difference(path, before, after, hidden)

    def line(self, one: _Difference) -> str:
        """Return a difference as a line."""
        old, new = (self._value(value, masked=one.hidden) for value in (one.before, one.after))
        if one.before is _ABSENT:
            return f"+ {one.path}: {new}"
        if self.secrets and (one.after is _ABSENT or self.secrets.holds(one.after)):
            old = MASK
        return f"- {one.path}: {old}" if one.after is _ABSENT else f"~ {one.path}: {old} -> {new}"

    def _value(self, value: Any, *, masked: bool) -> str:
        if value is _ABSENT:
            return ""
        if masked:
            return MASK
        text = orjson.dumps(self.secrets.masked_in(value), default=str).decode()
        return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"
