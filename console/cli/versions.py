"""``versions``: which version of an application runs where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.cli.exits import Exit
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, counted, is_data, table
from console.cli.told import names, revision
from console.client.hub import connect

COLUMNS = (
    Column("version", 0, 12),
    Column("clusters"),
    Column("wanted"),
    Column("age", 1),
    Column("sync", 1, 10),
    Column("health", 2, 10),
    Column("by", 3, 8),
)


def versions(
    application: Annotated[str, typer.Argument(metavar="APP", help="an application")],
    each: Annotated[bool, typer.Option("--each", help="name every cluster")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show which version of an application runs where. The newest comes first. Exit 1 if there is more than one.

    Example: flotilla versions payments
    """
    found = connect().get_versions(application)
    if not is_data(output, found):
        table(COLUMNS, [_row(one, each=each) for one in found], empty="It is placed nowhere.")
    raise typer.Exit(Exit.DONE if len(found) < 2 else Exit.NO)


def _row(one: Mapping[str, Any], *, each: bool) -> Row:
    commits = [source["commit"] for source in one["sources"]]
    newest = max((commit["at"] for commit in commits if commit["at"]), default=None)
    cells = (
        revision(one["sources"]) or "none yet",
        str(len(one["clusters"])),
        str(one["wanted"]),
        ago(newest) if newest else "",
        counted(one["sync"]),
        counted(one["health"]),
        ", ".join(dict.fromkeys(commit["author"] for commit in commits if commit["author"])),
    )
    subjects = "; ".join(commit["subject"] for commit in commits if commit["subject"])
    return Row(cells, (subjects, names(one["clusters"], len(one["clusters"]), each=each)))
