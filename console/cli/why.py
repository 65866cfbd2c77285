"""``why``: why a placement is as it is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from common.domain.health import WELL
from console import words
from console.cli.asking import Ref, placement_ref
from console.cli.exits import Exit
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, colour, heading, is_data, paint, paragraph, table
from console.cli.told import paragraphs, since, source_line, tell_object
from console.client.hub import connect

_OBJECTS = (Column("object", 0, 30), Column("health"))
_EVENTS = (Column("age"), Column("event"), Column("by", 1, 8))
_OURS = "flotilla"


def why(ref: Ref, output: Output = Format.TABLE) -> None:
    """Say why a placement is as it is, and what to do next. Shown are commit, last failure, changed fields and events.

    Exit 1 unless it is synced, and healthy or suspended.

    Example: flotilla why eu-prod-03/payments
    """
    placement = placement_ref(ref)
    found = connect().get_why(placement.cluster, placement.application)
    if not is_data(output, found):
        _tell(found)
    view = found["placement"]
    raise typer.Exit(Exit.DONE if view["sync"] == "synced" and view["health"] in WELL else Exit.NO)


def _tell(found: Mapping[str, Any]) -> None:
    _tell_standing(found["placement"])
    heading("next")
    paragraphs(one["sentence"] for one in found["next_steps"])
    heading("commit")
    paragraphs(_commits(found))
    _tell_failure(found["placement"], found["last_failure"])
    _tell_changes(found["last_change"], found["changes"])
    _tell_objects(found["unhealthy"])
    _tell_events(found["events"])


def _tell_standing(view: Mapping[str, Any]) -> None:
    sync, health = view["sync"] if view["state"] == "placed" else view["state"], view["health"]
    told = (view["ref"], "bold"), ("  ", ""), (sync, colour(sync)), ("  ", ""), (health, colour(health))
    paint(*told, (f"  confirmed {since(view['confirmed_at'])}", "dim"))
    ill = "" if health in WELL else view["health_reason"]
    paragraphs(dict.fromkeys(filter(None, (view["reason"], ill))))
    if view["paused_by"]:
        paragraph(f"paused by {view['paused_by']}: {view['pause_reason'] or 'no reason given'}")


def _commits(found: Mapping[str, Any]) -> Iterator[str]:
    wanted, applied = found["wanted"], found["applied"]
    if wanted == applied:
        yield from _lines(wanted)
        return
    for word, sources, none in (("wanted", wanted, "its source was not resolved"), ("applied", applied, "none yet")):
        yield from (f"{word}: {line}" for line in _lines(sources) or (none,))


def _lines(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    return [source_line(one, several=len(sources) > 1) for one in sources]


def _tell_failure(view: Mapping[str, Any], run: Mapping[str, Any] | None) -> None:
    if run is None:
        return
    heading("failed last", since(run["ended_at"]))
    paragraph(f"{run['trigger']} at {words.shortened(run['sources'])}: flotilla run {run['id'][-12:]}")
    if run["error"] and run["error"] not in view["reason"]:
        paragraph(f"{run['error']} ({run['error_code']})")


def _tell_changes(run: Mapping[str, Any] | None, changes: Sequence[Mapping[str, Any]]) -> None:
    if run is None:
        return
    heading("changed last", since(run["created_at"]))
    paragraph(f"{run['trigger']} at {words.shortened(run['sources'])}: flotilla run {run['id'][-12:]}")
    for one in changes:
        tell_object(one)


def _tell_objects(objects: Sequence[Mapping[str, Any]]) -> None:
    if objects:
        heading("not well")
        table(_OBJECTS, [Row((o["object"], o["health"]), (o["health_reason"],)) for o in objects], empty="")


def _tell_events(events: Sequence[Mapping[str, Any]]) -> None:
    if events:
        heading("events")
        rows = (
            Row((ago(one["at"]), one["kind"], "" if one["actor"] == _OURS else one["actor"]), (one["sentence"],))
            for one in events
        )
        table(_EVENTS, list(rows), empty="")
