"""``events``: what came about, and what comes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from console.cli.asking import placement_ref
from console.cli.layout import Column
from console.cli.output import Format, Output, ago, is_data, parsed, say, table
from console.client.hub import Hub, connect

EVERY = 1.0
"""Seconds between two looks while following."""
PAGE = 500
COLUMNS = (Column("age"), Column("kind"), Column("subject", 0, 12), Column("what", 0, 12))


def events(
    ref: Annotated[str, typer.Argument(metavar="[CLUSTER/APP]", help="only of this placement")] = "",
    cluster: Annotated[str, typer.Option(help="only of this cluster")] = "",
    application: Annotated[str, typer.Option(help="only of this application")] = "",
    kind: Annotated[list[str] | None, typer.Option(help="only this kind; may be given more than once")] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE, help="how many of the latest")] = 30,
    after: Annotated[str, typer.Option(metavar="ID", help="only what came after this event, and no limit")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with what comes, until interrupted")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show what came about, the latest last, or follow it.

    Runs that ended, health that changed, drift, faults, approvals, clusters lost and reached, new revisions.
    With --follow, -o json prints one event a line; its `id` may be given as --after later.

    Example: flotilla events --follow --kind run.ended --kind health.changed
    """
    if ref:
        parsed_ref = placement_ref(ref)
        cluster, application = parsed_ref.cluster, parsed_ref.application
    query: dict[str, Any] = {"cluster": cluster, "application": application, "kind": tuple(kind or ())}
    hub = connect()
    if follow:
        for event in _coming(hub, query, after=after, limit=limit):
            _print(event, output)
        return
    found: Sequence[Mapping[str, Any]] = (
        list(_past(hub, query, after)) if after else hub.get_events(limit=limit, **query)["items"]
    )
    if not is_data(output, found):
        table(COLUMNS, [_row(event) for event in found], empty="No events.")


def _past(hub: Hub, query: Mapping[str, Any], after: str) -> Iterator[Mapping[str, Any]]:
    """Yield what is there behind a position."""
    while True:
        page = hub.get_events(after=after, limit=PAGE, **query)
        yield from page["items"]
        after = page["after"]
        if len(page["items"]) < PAGE:
            return


def _coming(hub: Hub, query: Mapping[str, Any], *, after: str, limit: int) -> Iterator[Mapping[str, Any]]:
    """Yield the latest events, or those behind a position, and then what comes."""
    if not after:
        page = hub.get_events(limit=limit, **query)
        yield from page["items"]
        after = page["after"]
    while True:
        page = hub.get_events(after=after, limit=PAGE, **query)
        yield from page["items"]
        after = page["after"]
        if len(page["items"]) < PAGE:
            time.sleep(EVERY)


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    return (ago(event["at"]), event["kind"], event["subject"], _what(event))


def _what(event: Mapping[str, Any]) -> str:
    by = "" if event["actor"] == "flotilla" else f", by {event['actor']}"
    return f"{event['sentence']}{by}"


def _print(event: Mapping[str, Any], output: Format) -> None:
    if output is Format.JSON:
        import orjson

        typer.echo(orjson.dumps(event).decode())
    elif output is Format.YAML:
        typer.echo("---")
        is_data(output, event)
    else:
        at = parsed(event["at"])
        clock = at.astimezone().strftime("%H:%M:%S") if at is not None else ""
        say(f"{clock}  {event['kind']:<17}  {event['subject']}  {_what(event)}")
