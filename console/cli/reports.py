"""``drift`` and ``orphans``: reports over the whole fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from console.cli.asking import everything
from console.cli.client import connect
from console.cli.exits import Exit
from console.cli.layout import Row
from console.cli.output import Format, Output, ago, is_data, say, table
from console.cli.told import alike

Cells = tuple[str, str, str, str, str]
"""Placement, what is now, corrections, age of the last, and what it was."""
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
    found = connect().get("drift", hours=str(hours))
    differing = [one for one in found if one["differs"] or one["fight"]]
    if not is_data(output, found):
        rows = _alike(map(_drifted, filter(_counts, found)), each=each)
        rows += _alike(
            ((one["ref"], "unmanaged", "", "", field) for one in found for field in one["by_hand"]), each=each
        )
        none = f"No drift in the last {hours:g} hours. {_ELSE}"
        table(("placement", "now", "corrections", "last", "what"), rows, empty=none)
    raise typer.Exit(Exit.NO if differing else Exit.DONE)


def _counts(one: Mapping[str, Any]) -> bool:
    return bool(one["differs"] or one["fight"] or one["corrections"])


def _drifted(one: Mapping[str, Any]) -> Cells:
    now = "fight" if one["fight"] else "differs" if one["differs"] else "corrected"
    corrections = str(one["corrections"] or "")
    return (one["ref"], now, corrections, ago(one["corrected_at"]), one["differs"] or one["cause"])


def _alike(rows: Iterable[Cells], *, each: bool) -> list[Row]:
    """Return rows; those of placements that drifted in the same way as one, with who the others are."""
    groups: dict[tuple[str, ...], list[Cells]] = {}
    for row in rows:
        groups.setdefault(row if each else (row[1], row[4]), []).append(row)
    return [_row(group) for group in groups.values()]


def _row(group: Sequence[Cells]) -> Row:
    others = [row[0] for row in group[1:]]
    return Row(group[0], (alike(others),) if others else ())


def orphans(output: Output = Format.TABLE) -> None:
    """List what is on clusters and is not in Git. Exit 1 if there are orphans: objects that nothing will remove.

    Orphans carry a placement's mark, and no inventory holds them: remove them, or their mark, by hand. The others are
    kept, wait to be removed, or belong to placements that were retained.

    Example: flotilla orphans -o json
    """
    found = everything(connect(), "leftovers")
    if not is_data(output, found):
        rows = [
            (one["placement"], one["object"], "left over" if one["owned"] else "orphan", one["why"]) for one in found
        ]
        table(("placement", "object", "", "why"), rows, empty="Everything on the clusters is in Git.")
        stray = sum(not one["owned"] for one in found)
        if stray:
            say(f"\nOrphans: {stray}. Delete them by hand, or take their flotilla.dev annotations and label off.")
    raise typer.Exit(Exit.NO if any(not one["owned"] for one in found) else Exit.DONE)
