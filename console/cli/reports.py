"""``drift`` and ``orphans``: reports over the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from console.cli.asking import everything
from console.cli.exits import Exit
from console.cli.layout import Row
from console.cli.output import Format, Output, ago, is_data, say, table
from console.cli.told import alike, field_lines, printable
from console.client.hub import connect

Cells = tuple[str, str, str, str, str]
_COLUMNS: Cells = ("placement", "now", "corrections", "last", "what")
_LINES = 12
"""Of the fields of those that drifted alike; their run shows all of them."""
_ELSE = "What is out of sync for other reasons: flotilla status --sync out-of-sync"
"""Drift is what somebody changed; a pause or an approval that is open keeps a placement out of sync too."""


def drift(
    hours: Annotated[float, typer.Option(min=0.1, max=744, help="how far to look back")] = 24,
    each: Annotated[bool, typer.Option("--each", help="list each placement, also where several have the same")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show what drifted over the fleet: what differs now, and what was corrected. Exit 1 if anything differs now.

    A fight is an object that somebody else keeps changing back. An unmanaged field was added by hand and is not in Git:
    it is no drift, and stays, unless the application says `sync.extraFields: remove`.

    Example: flotilla drift --hours 72
    """
    hub, none = connect(), f"No drift in the last {hours:g} hours. {_ELSE}"
    if output is Format.TABLE and not each:
        found = hub.get_drift_groups(hours=hours)
        table(_COLUMNS, list(map(_group, found["groups"])), empty=none)
        if found["more"]:
            say(f"\n… and {found['more']} more kinds of drift; --each lists every placement.")
        differing = any(one["state"] in {"differs", "fight"} for one in found["groups"])
    else:
        drifted = hub.get_drift(hours=hours)
        if not is_data(output, drifted):
            table(_COLUMNS, [Row(cells) for one in drifted for cells in _cells(one)], empty=none)
        differing = any(one["differs"] or one["fight"] for one in drifted)
    raise typer.Exit(Exit.NO if differing else Exit.DONE)


def _cells(one: Mapping[str, Any]) -> Iterator[Cells]:
    """Yield the rows of one placement: what drifted, and each field that was added by hand."""
    if one["differs"] or one["fight"] or one["corrections"]:
        now = "fight" if one["fight"] else "differs" if one["differs"] else "corrected"
        corrections = str(one["corrections"] or "")
        yield (one["ref"], now, corrections, ago(one["corrected_at"]), one["differs"] or one["cause"])
    for field in one["by_hand"]:
        yield (one["ref"], "unmanaged", "", "", field)


def _group(one: Mapping[str, Any]) -> Row:
    """Return the row of placements that drifted alike: the first, the fields that differ, and who the others are."""
    now = "unmanaged" if one["state"] == "by-hand" else one["state"]
    cells = (one["refs"][0], now, str(one["corrections"] or ""), ago(one["last"]), "; ".join(one["said"]))
    lines = [line for each in one["objects"] for line in _changed(each)]
    if len(lines) > _LINES:
        lines[_LINES:] = [f"… and {len(lines) - _LINES} more lines"]
    others = (alike(one["refs"][1:], one["placements"] - 1),) if one["placements"] > 1 else ()
    return Row(cells, (*lines, *others))


def _changed(one: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of an object that differs; none where its fields are not known."""
    if one["fields"]:
        yield printable(f"{one['kind']} {one['name']}:")
        yield from (f"  {line}" for line in field_lines(one))


def orphans(output: Output = Format.TABLE) -> None:
    """List what is on clusters and is not in Git. Exit 1 if there are orphans: objects that nothing will remove.

    Orphans carry a placement's mark, and no inventory holds them: remove them, or their mark, by hand. The others are
    kept, wait to be removed, or belong to placements that were retained.

    Example: flotilla orphans -o json
    """
    found = everything(connect().get_leftovers)
    if not is_data(output, found):
        rows = [
            (one["placement"], one["object"], "left over" if one["owned"] else "orphan", one["why"]) for one in found
        ]
        table(("placement", "object", "", "why"), rows, empty="Everything on the clusters is in Git.")
        stray = sum(not one["owned"] for one in found)
        if stray:
            say(f"\nOrphans: {stray}. Delete them by hand, or take their flotilla.dev annotations and label off.")
    raise typer.Exit(Exit.NO if any(not one["owned"] for one in found) else Exit.DONE)
