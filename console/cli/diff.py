"""``diff``: what a sync would change now, object by object and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from common.domain import formatting
from common.domain.changes import MUTATIONS, Action
from console import words
from console.cli.asking import Patience, Ref, answered, ask, deadline, ended, placement_ref
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, paint, say
from console.cli.told import STYLES, field_lines, printable
from console.client.hub import connect

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
    found = answered(hub, intent, until=until)
    if not found["run_id"]:
        say(found["result"])
        raise typer.Exit(Exit.NO)
    detail = ended(hub, found["run_id"], until=until)
    if not is_data(output, detail):
        _tell(detail)
    raise typer.Exit(Exit.DONE if _same(detail) else Exit.NO)


def _same(detail: Mapping[str, Any]) -> bool:
    differing = any(one["action"] in MUTATIONS for one in detail["objects"])
    return detail["run"]["outcome"] == "succeeded" and not differing


def _tell(detail: Mapping[str, Any]) -> None:
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


def would(action: str) -> tuple[str, str]:
    """Return what a sync would do to an object, in words, with their colour."""
    return WOULD[Action(action)] if action in WOULD else (action, "")


def more(one: Mapping[str, Any], *, dry: bool) -> str:
    """Return what is said of an object beside what was, or ``dry`` what would be, done to it; nothing twice."""
    detail = str(one["detail"])
    return "" if dry and detail == would(one["action"])[0] else detail


def tell_change(one: dict[str, Any], *, where: str = "") -> None:
    """Print one object's change: its name, what would become of it, why, and the lines that differ."""
    words_, style = would(one["action"])
    on = f"  on {where}" if where else ""
    paint((printable(one["object"]), "bold"), ("  ", ""), (words_, style), (on, "dim"))
    if told := more(one, dry=True):
        paint((f"    {printable(told)}", "dim"))
    for line in field_lines(one):
        paint((f"    {line}", STYLES.get(line[:1], "")))
