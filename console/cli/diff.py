"""``diff``: what a sync would change now, object by object and field by field."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from common.domain import formatting
from common.domain.changes import MUTATIONS, Action
from console import words
from console.cli.asking import Patience, Ref, answered, ask, deadline, ended, placement_ref
from console.cli.client import connect
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, paint, say
from console.cli.told import STYLES

WOULD = {
    Action.CREATED: ("would be created", "green"),
    Action.CONFIGURED: ("would be changed", "yellow"),
    Action.ADOPTED: ("would be adopted", "yellow"),
    Action.PRUNED: ("would be removed", "red"),
    Action.SKIPPED: ("would be left alone", "dim"),
    Action.CONFLICT: ("conflict", "red"),
    Action.FAILED: ("would be refused", "red"),
}


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
    hub = connect()
    intent = ask(hub, "check", {"placements": [str(placement)]}, reason)
    until = deadline(timeout)
    detail = ended(hub, answered(hub, intent, until=until)["run_id"], until=until)
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
    at = f"{run['ref']} at {words.shortened(run['sources'])}"
    if run["outcome"] != "succeeded":
        why = f"{run['error_code']}: {run['error']}" if run["error"] else run["reason"]
        say(f"{at}: a sync would not come to pass ({run['outcome']}): {why}")
    elif differing:
        say(f"{at}: objects to change: {differing}; as Git has them: {same}.")
    else:
        say(f"{at}: nothing differs; {formatting.of(same, 'object')} {formatting.are(same)} as Git has them.")


def tell_change(one: dict[str, Any], *, where: str = "") -> None:
    """Print one object's change: its name, what would become of it, why, and the lines that differ."""
    would, style = WOULD.get(one["action"], (one["action"], ""))
    on = f"  on {where}" if where else ""
    paint((_shown(one["object"]), "bold"), ("  ", ""), (would, style), (on, "dim"))
    if one["detail"]:
        paint((f"    {_shown(one['detail'])}", "dim"))
    for line in one["diff"].splitlines():
        paint((f"    {_shown(line)}", STYLES.get(line[:1], "")))


def _shown(line: str) -> str:
    """Return a line without control characters: what is on a cluster may hold anything."""
    return "".join(c for c in line if c.isprintable())
