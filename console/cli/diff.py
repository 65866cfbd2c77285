"""``diff``: what a sync would change now, object by object and field by field."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.text import Text

from common.domain import numbers
from common.domain.changes import MUTATIONS, Action
from common.settings import settings
from console import words
from console.cli.client import connect
from console.cli.exits import Exit
from console.cli.hub import Patience, Ref, awaited, placement_ref
from console.cli.output import Format, Output, console, is_data, say

WOULD = {
    Action.CREATED: ("would be created", "green"),
    Action.CONFIGURED: ("would be changed", "yellow"),
    Action.ADOPTED: ("would be adopted", "yellow"),
    Action.PRUNED: ("would be removed", "red"),
    Action.SKIPPED: ("would be left alone", "dim"),
    Action.CONFLICT: ("conflict", "red"),
    Action.FAILED: ("would be refused", "red"),
}
LINES = {"+": "green", "-": "red", "~": "yellow"}


def diff(
    ref: Ref,
    timeout: Patience = 120.0,
    reason: Annotated[str, typer.Option(help="kept for audit")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Show what a sync would change now on the live cluster. Nothing is written. Exit 1 if anything differs.

    Values of Secrets are masked. What runs at the same time goes on.

    Example: flotilla diff eu-prod-03/payments
    """
    placement = placement_ref(ref)
    hub = connect(settings())
    wanted = hub.post(f"placements/{placement.cluster}/{placement.application}/check", {"reason": reason})
    until = time.monotonic() + timeout
    with console.status(f"looking at {placement}"):
        intent = awaited(hub, f"intents/{wanted['intent']}", "handled_at", until)
        if not intent["run_id"]:
            say(intent["result"])
            raise typer.Exit(Exit.NO)
        detail = awaited(hub, f"runs/{intent['run_id']}", "run.ended_at", until)
    if not is_data(output, detail):
        _tell(detail)
    raise typer.Exit(Exit.DONE if _same(detail) else Exit.NO)


def _same(detail: dict[str, Any]) -> bool:
    differing = any(one["action"] in MUTATIONS for one in detail["objects"])
    return detail["run"]["outcome"] == "succeeded" and not differing


def _tell(detail: dict[str, Any]) -> None:
    run = detail["run"]
    for one in detail["objects"]:
        tell_change(one)
    same = run["counts"].get(Action.UNCHANGED, 0)
    differing = sum(count for action, count in run["counts"].items() if action in MUTATIONS)
    at = f"{run['ref']} at {words.short(run['commit'])}"
    if run["outcome"] != "succeeded":
        why = f"{run['error_code']}: {run['error']}" if run["error"] else run["reason"]
        say(f"{at}: a sync would not come to pass ({run['outcome']}): {why}")
    elif differing:
        say(f"{at}: objects to change: {differing}; as Git has them: {same}.")
    else:
        say(f"{at}: nothing differs; {numbers.of(same, 'object')} {numbers.are(same)} as Git has them.")


def tell_change(one: dict[str, Any], *, where: str = "") -> None:
    """Print one object's change: its name, what would become of it, why, and the lines that differ."""
    would, style = WOULD.get(one["action"], (one["action"], ""))
    on = f"  on {where}" if where else ""
    console.print(Text.assemble((_shown(one["object"]), "bold"), "  ", (would, style), (on, "dim")))
    if one["detail"]:
        console.print(Text(f"    {_shown(one['detail'])}", style="dim"))
    for line in one["diff"].splitlines():
        console.print(Text(f"    {_shown(line)}", style=LINES.get(line[:1], "")))


def _shown(line: str) -> str:
    """Return a line without control characters: what lies on a cluster may hold anything."""
    return "".join(c for c in line if c.isprintable())
