"""``status``: the fleet in counts, then what is wrong, the worst first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

import typer

from common.domain import formatting
from common.domain.errors import sentences
from common.domain.health import WELL, Health
from console import words
from console.cli.asking import everything
from console.cli.exits import Exit
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, is_data, paint, say, table, trouble
from console.cli.told import alike
from console.client.hub import Hub, connect

EVERY = 2.0
"""Seconds between two looks with --watch."""
SHOWN = 50
"""Problems that a person is shown; a program, and --all, get all of them."""
CLUSTERS = (
    Column("cluster", 0, 16),
    Column("reached"),
    Column("synced"),
    Column("seen", 1),
    Column("state", 2),
    Column("version", 3),
)
PLACEMENTS = (
    Column("placement", 0, 20),
    Column("sync"),
    Column("health"),
    Column("confirmed", 1),
    Column("commit", 2),
    Column("objects", 3),
)
FAULTS = (Column("fault", 0, 20), Column("seen", 1))
APPROVALS = (Column("approval"), Column("kind"), Column("subject", 0, 12), Column("age", 1))
_REGISTRY = "registry"
"""Scope of the faults of the registry's documents."""
_ORDER = ("reachable", "unreachable", "synced", "out-of-sync", "failed", *Health)
"""Of counts; what is not known comes last."""


@dataclass(frozen=True, slots=True)
class Which:
    """What of the fleet was asked for; empty fields do not narrow it."""

    cluster: str
    application: str
    label: tuple[str, ...]
    sync: str
    health: str
    paused: bool
    whole: bool
    each: bool

    @property
    def grouped(self) -> bool:
        """Whether a person is shown problems, each once, instead of a list of placements."""
        return not (self.each or self.whole or self.sync or self.health or self.paused)

    @property
    def part(self) -> dict[str, Any]:
        """The part of the fleet, as a query."""
        return {"cluster": self.cluster, "application": self.application, "label": self.label}

    @property
    def listed(self) -> dict[str, Any]:
        """Which placements of that part are listed: those with problems, unless something else is asked for."""
        chosen: dict[str, Any] = {"sync": self.sync, "health": self.health}
        chosen |= {"paused": True} if self.paused else {}
        everything_ = self.whole or self.sync or self.health or self.paused
        return self.part | chosen | ({} if everything_ else {"show": "problems"})


def status(
    output: Output = Format.TABLE,
    whole: Annotated[bool, typer.Option("--all", help="list what is well too")] = False,
    sync: Annotated[str, typer.Option(help="list these: synced, out-of-sync, failed, unknown")] = "",
    health: Annotated[str, typer.Option(help="list these: healthy, progressing, degraded, …")] = "",
    paused: Annotated[bool, typer.Option("--paused", help="list what is paused")] = False,
    label: Annotated[list[str] | None, typer.Option(help="only clusters with this label, k=v; repeatable")] = None,
    cluster: Annotated[str, typer.Option(help="only this cluster")] = "",
    application: Annotated[str, typer.Option(help="only this application")] = "",
    each: Annotated[bool, typer.Option("--each", help="list each placement, also where several have the same")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="show the faults alone")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="look again every 2 seconds until Ctrl-C")] = False,
) -> None:
    """Show the fleet in counts, then what is wrong, the worst first. Exit 1 if anything is wrong.

    Wrong is: the hub does not get on with its work, a cluster is not reached, a placement is not both synced and
    healthy (or suspended), a fault or an approval is open. With --cluster, --application or --label, what is wrong
    elsewhere does not count, but the hub's own work always does.

    Example: flotilla status --label env=prod
    """
    hub = connect()
    which = Which(cluster, application, tuple(label or ()), sync, health, paused, whole, each)
    while True:
        seen = _look(hub, which, output)
        if faults and not any(which.part.values()):
            seen |= {"faults": everything(hub.get_faults), "more_faults": 0}
        if watch:
            typer.echo("\x1b[2J\x1b[H", nl=False)
        if faults:
            _show_faults(seen, output)
        elif not is_data(output, seen):
            _tell(seen, which)
        if not watch:
            wrong = bool(seen["faults"]) if faults else seen["wrong"]
            raise typer.Exit(Exit.NO if wrong else Exit.DONE)
        time.sleep(EVERY)


def _look(hub: Hub, which: Which, output: Format) -> dict[str, Any]:
    seen: dict[str, Any] = cast("dict[str, Any]", hub.get_status(**which.part))
    if which.grouped and output not in {Format.JSON, Format.YAML}:
        seen["problems"] = hub.get_problems(**which.part)
    else:
        seen["placements"] = everything(hub.get_placements, **which.listed)
    show = {} if which.whole else {"show": "problems"}
    seen["listed_clusters"] = hub.get_clusters(cluster=which.cluster, label=which.label, **show)
    return seen


def _show_faults(seen: Mapping[str, Any], output: Format) -> None:
    if not is_data(output, seen["faults"]):
        _tell_faults(seen["faults"], empty="No faults.")
        _tell_more(seen["more_faults"], "`flotilla status` without a part of the fleet lists all.")


def _tell(seen: Mapping[str, Any], which: Which) -> None:
    for line in (*_work(seen["work"]), *_left(seen)):
        paint(line)
    for heading, text in _counts(seen):
        paint((f"{heading:<12}", "dim"), (text, ""))
    clusters = [_cluster_row(one) for one in seen["listed_clusters"]]
    if clusters:
        say("")
        table(CLUSTERS, clusters, empty="")
    if "problems" in seen:
        _tell_problems(seen["problems"])
    else:
        _tell_placements(seen["placements"], which)
    if seen["approvals"]:
        say("")
        table(APPROVALS, [_approval_row(one) for one in seen["approvals"]], empty="")
        _tell_more(seen["more_approvals"], "`flotilla approvals` lists all.")
    if seen["faults"]:
        say("")
        _tell_faults(seen["faults"], empty="")
        _tell_more(seen["more_faults"], "`flotilla status --faults` lists all.")
    if not seen["wrong"]:
        paint(("Nothing is wrong.", "green"))


def _tell_more(count: int, where: str) -> None:
    if count:
        say(f"… and {count} more; {where}")


def _approval_row(one: Mapping[str, Any]) -> Row:
    return Row((str(one["id"]), one["kind"], one["subject"], ago(one["created_at"])), (one["reason"],))


def _tell_placements(placed: list[dict[str, Any]], which: Which) -> None:
    if not placed:
        return
    say("")
    shown = placed if which.whole else placed[:SHOWN]
    table(PLACEMENTS, [_placement_row(one) for one in shown], empty="")
    if len(shown) < len(placed):
        say(f"… and {len(placed) - len(shown)} more; --all lists them, --cluster and --application narrow them.")


def _tell_problems(problems: Mapping[str, Any]) -> None:
    if not problems["items"]:
        return
    say("")
    table(PLACEMENTS, list(map(_problem_row, problems["items"])), empty="")
    if problems["more"]:
        say(f"… and {formatting.of(problems['more'], 'other problem')}; --each lists all placements.")


def _problem_row(one: Mapping[str, Any]) -> Row:
    row, others = _placement_row(one["placement"]), one["count"] - 1
    if not others:
        return row
    return Row(row.cells, (*row.below, alike(one["refs"][1:], others)))


def _tell_faults(faults: list[dict[str, Any]], *, empty: str) -> None:
    rows = [
        Row(
            (f"{f['file']}:{f['line']}" if f["file"] else f["scope"], ago(f["first_seen_at"])),
            (sentences(f["what"], f["remedy"]),),
        )
        for f in faults
    ]
    table(FAULTS, rows, empty=empty)


def _work(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Say first what keeps the work from going on: all that follows may be old then."""
    for one in found:
        style = "red" if one["severity"] == "error" else "yellow"
        yield f"{one['severity']}: {sentences(one['message'], one['remedy'])}", style
    if found:
        yield "", ""


def _left(seen: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say next what gets no run because of the registry's faults: the counts of what is placed are silent about it."""
    faults = sum(one["scope"] == _REGISTRY for one in seen["faults"])
    faults += seen["more_faults"] if faults else 0  # they come last, by scope
    if seen["retained"] and faults:
        placements, wrong = formatting.of(seen["retained"], "placement"), formatting.of(faults, "fault")
        left = f"{placements} retained: the registry has {wrong}"
        yield sentences(left, "They stay as they are, without runs; `flotilla status --faults` says what to do."), "red"
        yield "", ""


def _open(seen: Mapping[str, Any], what: str) -> int:
    return len(seen[f"{what}s"]) + int(seen[f"more_{what}s"])


def _counts(seen: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fleet = seen["fleet"]
    if fleet:
        commit = words.short(fleet["commit"])
        looked = f"looked at {ago(fleet['checked_at'])} ago" if fleet["checked_at"] else "never looked at"
        yield "fleet", f"{fleet['name']}: registry at {commit}, {looked}" if commit else f"{fleet['name']}: {looked}"
    yield "clusters", _split(seen["clusters"], blocked=seen["blocked"])
    yield "placements", _split(seen["sync"], paused=seen["paused"], leaving=seen["leaving"], retained=seen["retained"])
    if seen["sync"]:
        yield "health", _listed(seen["health"])
    waiting = [formatting.of(_open(seen, one), one) for one in ("fault", "approval") if seen[f"{one}s"]]
    if waiting:
        yield "open", ", ".join(waiting)


def _split(counts: Mapping[str, int], **besides: int) -> str:
    """Return ``12: 11 reachable, 1 unreachable; 1 blocked``."""
    total = sum(counts.values())
    more = ", ".join(f"{count} {name}" for name, count in besides.items() if count)
    return f"{total}" + (f": {_listed(counts)}" if total else "") + (f"; {more}" if more else "")


def _listed(counts: Mapping[str, int]) -> str:
    names = sorted(counts, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    return ", ".join(f"{counts[name]} {name}" for name in names if counts[name])


def _cluster_row(cluster: Mapping[str, Any]) -> Row:
    reached = {True: "reachable", False: "unreachable", None: "unknown"}[cluster["reachable"]]
    cells = (
        cluster["name"],
        "blocked" if cluster["blocked"] else reached,
        f"{cluster['synced']}/{cluster['placements']}",
        ago(cluster["last_seen_at"]),
        cluster["state"] if cluster["declared"] else "not declared",
        cluster["version"],
    )
    return Row(cells, (trouble(cluster),))


def _placement_row(placement: Mapping[str, Any]) -> Row:
    cells = (
        placement["ref"],
        placement["sync"] if placement["state"] == "placed" else placement["state"],
        placement["health"],
        ago(placement["confirmed_at"]),
        words.shortened(placement["sources"]),
        str(placement["objects"]),
    )
    paused = f"paused by {placement['paused_by']}: {placement['pause_reason']}" if placement["paused_by"] else ""
    health = placement["health_reason"] if placement["health"] not in WELL else ""
    return Row(cells, (paused, placement["reason"], "" if health == placement["reason"] else health))
