"""``runs`` and ``run``: what was done, newest first, and one in all its details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer

from common.domain.runs import Trigger
from console import words
from console.cli.asking import outcome_exit, placement_ref
from console.cli.diff import more, would
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, counted, is_data, parsed, say, table
from console.cli.told import alike, field_lines
from console.client.hub import Hub, connect

PAGE = 200
MOST_PAGES = 20
"""Read at most for one list: identical failures fold, so that a page may hold little to show."""
COLUMNS = (
    Column("run"),
    Column("placement", 0, 20),
    Column("outcome"),
    Column("age"),
    Column("why", 1),
    Column("took", 2),
    Column("commit", 3),
    Column("objects", 4, 12),
    Column("by", 5, 8),
    Column("attempts", 6),
)
ATTEMPTS = (Column("attempt"), Column("outcome"), Column("worker", 1, 10), Column("took"), Column("requests", 2, 12))
OBJECTS = (Column("object", 0, 30), Column("outcome"), Column("attempt", 1))


@dataclass(slots=True, eq=False)
class Fold:
    """A run, and how many others failed in the same way: of its placement before it, and of other placements.

    Attributes:
        run: the newest of them.
        count: how many they are.
        since: when the first of them was made.
        others: the other placements.
    """

    run: Mapping[str, Any]
    count: int = 1
    since: str = field(default="")
    others: list[str] = field(default_factory=list)

    @property
    def same(self) -> str:
        """How often, since when and where besides; empty for a single one."""
        if self.count == 1:
            return ""
        if not self.others:
            return f"{self.count} times the same since {_clock(self.since)}"
        where = alike(self.others)
        return (
            f"{where}; {self.count:,} runs since {_clock(self.since)}" if self.count > len(self.others) + 1 else where
        )


def fold(runs: Iterable[Mapping[str, Any]]) -> list[Fold]:
    """Return runs, newest first, those that failed alike as one: again on one placement, or on several at once.

    A placement's runs fold as long as nothing else became of it in between.
    """
    folds: list[Fold] = []
    latest: dict[str, Fold] = {}
    by_failure: dict[tuple[str, ...], Fold] = {}
    for run in runs:
        ref, failure = run["ref"], _failure(run)
        before = latest.get(ref)
        same = by_failure.get(failure) if failure is not None else None
        if same is not None and (before is None or before is same):
            same.count += 1
            same.since = run["created_at"]
            if before is None:
                same.others.append(ref)
            latest[ref] = same
            continue
        latest[ref] = Fold(run, since=run["created_at"])
        folds.append(latest[ref])
        if failure is not None:
            by_failure[failure] = latest[ref]
    return folds


def _failure(run: Mapping[str, Any]) -> tuple[str, ...] | None:
    if run["outcome"] != "failed":
        return None
    return run["error_code"], run["error"], run["commit"]


def runs(
    ref: Annotated[str, typer.Argument(metavar="[CLUSTER/APP]", help="only this placement")] = "",
    cluster: Annotated[str, typer.Option(help="only this cluster")] = "",
    application: Annotated[str, typer.Option(help="only this application")] = "",
    outcome: Annotated[str, typer.Option(help="only runs that ended so")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="how many, newest first")] = 30,
    each: Annotated[bool, typer.Option("--each", "--all", help="show identical failures one by one")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List runs, newest first. Identical failures, again or on several placements, are told once.

    Example: flotilla runs eu-prod-03/payments
    """
    if ref:
        parsed_ref = placement_ref(ref)
        cluster, application = parsed_ref.cluster, parsed_ref.application
    query = {"cluster": cluster, "application": application, "outcome": outcome}
    hub = connect()
    if ref:
        hub.get_placement(cluster, application)  # an unknown name is an error that names the nearest
    if each or output in {Format.JSON, Format.YAML}:
        page = hub.get_runs(limit=limit, **query)["items"]
        if is_data(output, page):
            return
        folds = [Fold(run) for run in page]
    else:
        is_data(output, None)
        folds = _folded(hub, limit, query)
    table(COLUMNS, [_row(one) for one in folds], empty="No runs.")


def _folded(hub: Hub, limit: int, query: dict[str, str]) -> list[Fold]:
    found: list[Mapping[str, Any]] = []
    after = ""
    for _ in range(MOST_PAGES):
        page = hub.get_runs(limit=PAGE, after=after, **query)
        found += page["items"]
        after = page["after"]
        folds = fold(found)
        if not after or len(folds) > limit:
            break
    return folds[:limit]


def _row(one: Fold) -> Row:
    run = one.run
    cells = (
        run["id"][-12:],
        run["ref"],
        run["outcome"] or run["state"],
        ago(run["created_at"]),
        run["trigger"],
        words.took(parsed(run["started_at"]), parsed(run["ended_at"])),
        words.shortened(run["sources"]),
        words.did(run["counts"], trigger=run["trigger"]),
        run["actor"],
        str(run["attempts"]),
    )
    return Row(cells, (one.same, run["error"] or run["reason"]))


def _clock(instant: str) -> str:
    """Return an instant as the reader's clock shows it, with the day if that is not today."""
    local = datetime.fromisoformat(instant).astimezone()
    today = datetime.now(local.tzinfo).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def run(run_id: Annotated[str, typer.Argument(metavar="ID")], output: Output = Format.TABLE) -> None:
    """Show one run: each attempt and what it did to each object. Exit 1 if it failed.

    The beginning of its id will do, or of the id's last twelve digits, as `flotilla runs` shows them, where no other
    run has it; six characters at least.

    Example: flotilla run 8c2f41d09ab3
    """
    detail = connect().get_run(run_id)
    if not is_data(output, detail):
        tell_run(detail)
    raise typer.Exit(outcome_exit(detail["run"]["outcome"]))


def tell_run(detail: Mapping[str, Any]) -> None:
    """Print a run: what it was for, its attempts, and what they did."""
    seen = detail["run"]
    say(f"{seen['ref']}  {seen['outcome'] or seen['state']}  {seen['trigger']} by {seen['actor']}")
    say(f"run {seen['id']}" + (f", commit {words.shortened(seen['sources'])}" if seen["commit"] else ""))
    error = f"{seen['error']} ({seen['error_code']})" if seen["error"] else ""
    for label, value in (("cause", seen["cause"]), ("error", error), ("why", seen["reason"])):
        if value:
            say(f"{label}: {value}")
    for number, step in enumerate(detail["next_steps"]):
        say(f"{'then' if number else 'next'}: {step['sentence']}")
    say("")
    attempts = [
        Row(
            (
                str(a["number"]),
                a["outcome"] or "running",
                a["worker"],
                words.took(parsed(a["started_at"]), parsed(a["ended_at"])),
                counted(a["requests"]),
            ),
            # The run's own error is told above; a former attempt may have had another.
            ("" if a["error"] == seen["error"] else a["error"],),
        )
        for a in detail["attempts"]
    ]
    table(ATTEMPTS, attempts, empty="Not claimed yet.")
    say("")
    dry = seen["trigger"] == Trigger.CHECK
    changed = [
        Row((o["object"], would(o["action"])[0] if dry else o["action"], str(o["attempt"])), (more(o, dry=dry),))
        for o in detail["objects"]
    ]
    table(OBJECTS, changed, empty=words.did(seen["counts"], trigger=seen["trigger"]) or "No objects changed.")
    for one in detail["objects"]:
        if lines := field_lines(one):
            say("\n".join(["", one["object"], *lines]))
