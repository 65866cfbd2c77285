"""``audit``: who did what, when."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.client import connect
from console.cli.layout import Column
from console.cli.output import Format, Output, ago, is_data, table

PAGE = 500
COLUMNS = (Column("age"), Column("who", 0, 10), Column("action"), Column("subject", 0, 12), Column("why", 0, 12))


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
    in which you may read. GET /api/v1/audit/export has all of it as a file.

    Example: flotilla audit --actor ann --since 2026-11-01T00:00:00Z
    """
    query = {"actor": actor, "action": action, "subject": subject, "project": project, "since": since, "until": until}
    found = connect().get("audit", limit=limit, outcome="refused" if refused else "", **query)["items"]
    if not is_data(output, found):
        table(COLUMNS, [_row(one) for one in found], empty="Nothing was done.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    why = one["reason"] or str(one["detail"].get("why", ""))
    refused = " (refused)" if one["outcome"] == "refused" else ""
    return (ago(one["at"]), one["actor"], f"{one['action']}{refused}", one["subject"], why)
