"""``audit``: who did what, when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, is_data, table
from console.client.hub import connect

PAGE = 500
COLUMNS = (Column("age"), Column("who", 1, 8), Column("action"), Column("outcome", 0, 7), Column("subject", 0, 12))
_KNOWN = frozenset({"object", "action", "outcome", "why", "id", "batch", "placement"})
"""Of a row's detail, what has a place of its own, or only a program needs."""


def audit(
    actor: Annotated[str, typer.Option(help="only of this person or token")] = "",
    action: Annotated[str, typer.Option(help="only this: sync, pause, approve, ...")] = "",
    subject: Annotated[str, typer.Option(help="only of this placement, cluster or approval")] = "",
    project: Annotated[str, typer.Option(help="only in this project")] = "",
    refused: Annotated[bool, typer.Option("--refused", help="only what was refused")] = False,
    since: Annotated[str, typer.Option(metavar="INSTANT", help="not before it, as 2026-11-01T00:00:00Z")] = "",
    until: Annotated[str, typer.Option(metavar="INSTANT", help="before it")] = "",
    limit: Annotated[int, typer.Option(min=1, max=PAGE, help="how many of the latest")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show who did what, the latest first.

    What people asked for, what was refused, and what Flotilla did about objects of others. You see the projects
    in which you may read. GET /api/v1/audit?format=csv has all of it as a file.

    Example: flotilla audit --actor ann --since 2026-11-01T00:00:00Z
    """
    query = {"actor": actor, "action": action, "subject": subject, "project": project, "since": since, "until": until}
    found = connect().get_audit(limit=limit, outcome="refused" if refused else "", **query)["items"]
    if not is_data(output, found):
        table(COLUMNS, list(map(row, found)), empty="Nothing was refused." if refused else "Nothing was done.")


def row(one: Mapping[str, Any]) -> Row:
    """Return a row of the table: what was done to what and what came of it; below it the object and why."""
    detail = one["detail"]
    subject = f"{one['subject']} of {detail['placement']}" if detail.get("placement") else one["subject"]
    act = " ".join(filter(None, (one["action"], str(detail.get("action", "")))))
    # What Flotilla was refused says itself by which code; what a person was refused has only that it was.
    outcome = str(detail.get("outcome", "")) or one["outcome"] or "done"
    more = [f"{name}: {value}" for name, value in sorted(detail.items()) if name not in _KNOWN and value]
    told = [str(detail.get("object", "")), ", ".join(more)]
    why = dict.fromkeys(filter(None, (one["reason"], str(detail.get("why", "")))))
    return Row((ago(one["at"]), one["actor"], act, outcome, subject), (*filter(None, told), *why))
