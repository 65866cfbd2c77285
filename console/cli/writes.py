"""Commands that have something done; each waits for what came of it and ends by that."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.asking import (
    NoWait,
    Patience,
    Ref,
    answered,
    ask,
    deadline,
    ended,
    everything,
    outcome_exit,
    placement_ref,
)
from console.cli.exits import Exit
from console.cli.layout import Column, Row
from console.cli.output import Format, Output, ago, is_data, say, table
from console.cli.runs import tell_run
from console.client.hub import Hub, connect

Reason = Annotated[str, typer.Option(help="kept for audit")]
Wait = Annotated[bool, typer.Option("--wait", help="return when the run has ended, with its outcome as exit code")]
HANDLING = 30.0
"""Seconds for the scheduler to take a request up; it looks every half second."""
APPROVALS = (Column("id"), Column("kind"), Column("subject", 0, 12), Column("state", 1), Column("age", 2))


def sync(
    ref: Ref,
    wait: Wait = False,
    timeout: Patience = 300.0,
    reason: Reason = "",
    no_wait: NoWait = False,
) -> None:
    """Have a placement synced now. Exit 1 if that is refused; with --wait, by the run's outcome.

    A run that is under way, or waits for health or a hook, is joined.

    Example: flotilla sync eu-prod-03/payments --wait
    """
    if wait and no_wait:
        message = "--wait and --no-wait exclude each other"
        raise typer.BadParameter(message)
    placement = placement_ref(ref)
    hub = connect()
    intent = ask(hub, "sync", {"placements": [str(placement)]}, reason)
    if no_wait:
        say(f"Asked for a run of {placement} (request {intent}).")
        return
    until = deadline(timeout)
    found = answered(hub, intent, until=until if wait else min(until, deadline(HANDLING)))
    run = found["run_id"]
    if not wait or not run:
        say(f"{placement}: {found['result']}" + (f": flotilla run {run[-12:]}" if run else ""))
        return
    detail = ended(hub, run, until=until)
    tell_run(detail)
    raise typer.Exit(outcome_exit(detail["run"]["outcome"]))


def refresh(
    repo: Annotated[str, typer.Argument(metavar="[REPO]", help="only this repository")] = "",
    timeout: Patience = HANDLING,
    no_wait: NoWait = False,
) -> None:
    """Have Git looked at now, instead of at the next interval. Exit 1 if nothing follows the repository.

    Example: flotilla refresh https://git.example.com/pay/deploy.git
    """
    hub = connect()
    _finish(hub, ask(hub, "refresh", {"repo": repo} if repo else {}), repo or "every source", timeout, no_wait=no_wait)


def pause(
    ref: Ref,
    reason: Annotated[str, typer.Option(help="shown wherever the placement is")],
    timeout: Patience = HANDLING,
    no_wait: NoWait = False,
) -> None:
    """Give a placement no more runs by itself until it is resumed.

    Example: flotilla pause eu-prod-03/payments --reason "incident 42"
    """
    placement = placement_ref(ref)
    hub = connect()
    intent = ask(hub, "pause", {"placements": [str(placement)]}, reason)
    _finish(hub, intent, str(placement), timeout, no_wait=no_wait)


def resume(ref: Ref, timeout: Patience = HANDLING, no_wait: NoWait = False) -> None:
    """Let a paused placement go on.

    Example: flotilla resume eu-prod-03/payments
    """
    placement = placement_ref(ref)
    hub = connect()
    intent = ask(hub, "resume", {"placements": [str(placement)]})
    _finish(hub, intent, str(placement), timeout, no_wait=no_wait)


def approvals(
    state: Annotated[str, typer.Option(help="open, approved, rejected, done, void, or empty for all")] = "open",
    output: Output = Format.TABLE,
) -> None:
    """List what waits for a person.

    Example: flotilla approvals -o yaml
    """
    # "all" in words: what is empty is not sent, and the API's own default is open.
    found = everything(connect().get_approvals, state=state or "all")
    if is_data(output, found):
        return
    rows = [
        Row((str(a["id"]), a["kind"], a["subject"], a["state"], ago(a["created_at"])), (a["reason"],)) for a in found
    ]
    table(APPROVALS, rows, empty="Nothing waits.")


def approve(
    approval_id: Annotated[int, typer.Argument(metavar="ID")],
    reason: Reason,
    timeout: Patience = HANDLING,
    no_wait: NoWait = False,
) -> None:
    """Allow exactly what an approval lists. Exit 1 if it is no longer open.

    Example: flotilla approve 7 --reason "the old jobs are gone for good"
    """
    hub = connect()
    intent = ask(hub, "approve", {"approval": approval_id}, reason)
    _finish(hub, intent, f"approval {approval_id}", timeout, no_wait=no_wait)


def reject(
    approval_id: Annotated[int, typer.Argument(metavar="ID")],
    reason: Reason = "",
    timeout: Patience = HANDLING,
    no_wait: NoWait = False,
) -> None:
    """Refuse what waits. Exit 1 if it is no longer open.

    Example: flotilla reject 7
    """
    hub = connect()
    intent = ask(hub, "reject", {"approval": approval_id}, reason)
    _finish(hub, intent, f"approval {approval_id}", timeout, no_wait=no_wait)


def _finish(hub: Hub, intent: int, subject: str, timeout: float, *, no_wait: bool) -> None:
    """Say what came of a request; the command ends with 1 where it was not carried out."""
    if no_wait:
        say(f"Asked (request {intent}).")
        return
    found = answered(hub, intent, until=deadline(timeout))
    run = found["run_id"]
    say(f"{subject}: {found['result']}" + (f": flotilla run {run[-12:]}" if run else ""))
    raise typer.Exit(Exit.DONE)
