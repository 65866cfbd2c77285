"""How commands tell a commit, several placements, and the fields of an object that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from common.domain.differences import ChangedField, Diff
from console import words
from console.cli.output import ago, colour, paint, paragraph

_LINES = 12
"""Of one object's changed fields; its run shows all of them."""
STYLES = {"+": "green", "-": "red", "~": "yellow"}
"""Of the lines of a difference, by how they begin."""
_OURS = ("", "flotilla")
"""Managers of fields that need not be named: nobody, and we ourselves."""
NAMED = 3
"""Placements that are named where several are told together."""


def called(commit: Mapping[str, Any]) -> str:
    """Return a commit as people call it: its version with the id behind it, or the id alone."""
    id_ = words.short(commit["id"])
    return f"{commit['version']} ({id_})" if commit["version"] else id_


def commit_line(commit: Mapping[str, Any]) -> str:
    """Return a commit with what is known of it: ``3f9c1d2e "Raise the limits", Ada Example, 3 h ago``."""
    subject = f' "{commit["subject"]}"' if commit["subject"] else ""
    at = f"{ago(commit['at'])} ago" if commit["at"] else ""
    return ", ".join(filter(None, (f"{called(commit)}{subject}", commit["author"], at)))


def source_line(one: Mapping[str, Any], *, several: bool) -> str:
    """Return the commit of one source; with the source's address where a revision has ``several``."""
    return f"{one['repo']}: {commit_line(one['commit'])}" if several else commit_line(one["commit"])


def revision(sources: Sequence[Mapping[str, Any]]) -> str:
    """Return what people call a revision: the version or short id of each source, a plus between two."""
    return "+".join(one["commit"]["version"] or words.short(one["commit"]["id"]) for one in sources)


def names(refs: Sequence[str], count: int, *, each: bool = False) -> str:
    """Return ``a, b, c and 7 more``, all that are known with ``each``."""
    shown = refs if each else refs[:NAMED]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def alike(others: Sequence[str], count: int | None = None) -> str:
    """Return ``the same on 2 more: a, b``; ``count`` where more have it than are named."""
    most = len(others) if count is None else count
    return f"the same on {most:,} more: {names(others, most)}"


def since(instant: str | None) -> str:
    """Return ``3 min ago``, or ``never``."""
    return f"{ago(instant)} ago" if instant else "never"


def tell_object(one: Mapping[str, Any]) -> None:
    """Print what was done to an object: why, and the fields that differed, the first of them."""
    paint(("  ", ""), (one["object"], "bold"), ("  ", ""), (one["action"], colour(one["action"])))
    if one["detail"]:
        paragraph(one["detail"], indent=4, style="dim")
    tell_fields(field_lines(one))


def field_lines(one: Mapping[str, Any]) -> list[str]:
    """Return the fields of an object that differ, a line each, with who else holds them.

    Args:
        one: with ``fields``, ``more_fields`` and ``diff``; runs from before fields were kept have ``diff`` alone.
    """
    if not one.get("fields"):
        return list(map(printable, one["diff"].splitlines()))
    fields = [ChangedField(**field) for field in one["fields"]]
    lines = [f"{field.line}{f'  (held by {field.owner})' if field.owner not in _OURS else ''}" for field in fields]
    more = [f"… and {one['more_fields']} more"] if one["more_fields"] else []
    return list(map(printable, [*lines, *more]))


def data_of(diff: Diff) -> dict[str, Any]:
    """Return a difference as the API tells it."""
    return {"fields": list(map(asdict, diff.fields)), "more_fields": diff.more, "diff": diff.text}


def printable(line: str) -> str:
    """Return a line without control characters: what is on a cluster may hold anything."""
    return "".join(each for each in line if each.isprintable())


def tell_fields(lines: Sequence[str]) -> None:
    """Print the first lines of fields that differ."""
    for line in lines[:_LINES]:
        paragraph(line, indent=4, style=STYLES.get(line[:1], ""))
    if len(lines) > _LINES:
        paragraph(f"… {len(lines) - _LINES} more", indent=4, style="dim")


def paragraphs(texts: Iterable[str]) -> None:
    """Print texts, each a paragraph."""
    for text in texts:
        paragraph(text)
