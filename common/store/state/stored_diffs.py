"""What differs of an object, as a value in a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.domain.differences import NO_DIFF, ChangedField, Diff

_TEXTS = ("before", "after", "owner")
_MOST = 200
"""Fields that are read of one object: a pool's role may have stored any number."""


def stored(diff: Diff) -> dict[str, Any] | None:
    """Return what is stored of it; None where nothing differs."""
    if not diff:
        return None
    fields = [
        {"path": one.path}
        | {name: value for name in _TEXTS if (value := getattr(one, name))}
        | ({"masked": True} if one.masked else {})
        for one in diff.fields
    ]
    return {"fields": fields} | ({"more": diff.more} if diff.more else {})


def diff_in(stored: Any) -> Diff:
    """Return what differs by a stored value; what is no field is left out: a pool's role may write any JSON."""
    if not isinstance(stored, Mapping):
        return NO_DIFF
    listed, more = stored.get("fields"), stored.get("more")
    fields = tuple(_fields(listed)) if isinstance(listed, list) else ()
    return Diff(fields, more if isinstance(more, int) and more > 0 else 0)


def _fields(listed: list[Any]) -> Iterator[ChangedField]:
    for one in listed[:_MOST]:
        if isinstance(one, Mapping) and isinstance(one.get("path"), str):
            before, after, owner = (value if isinstance(value := one.get(name), str) else None for name in _TEXTS)
            yield ChangedField(one["path"], before, after, owner or "", masked=one.get("masked") is True)
