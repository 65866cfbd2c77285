"""What commands about the hub share: names of placements, pages, and waiting for what was asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from common.domain.errors import PermanentError
from common.domain.refs import PlacementRef
from console.cli.exits import Exit
from console.cli.output import say, waiting
from console.client.hub import Hub, new_key

if TYPE_CHECKING:
    from console.client import models

T = TypeVar("T")
POLL = 0.25
SOON = 0.1
"""Seconds between two questions for what is there in a moment."""
PAGE = 500
HANDLED = frozenset({"done", "joined"})
"""Outcomes of a request that was carried out."""
Ref = Annotated[str, typer.Argument(metavar="CLUSTER/APP", help="a placement")]
Patience = Annotated[float, typer.Option(min=0, help="seconds to wait at most")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="do not wait until the scheduler has carried it out")]


class NothingSeenError(PermanentError):
    """A worker could not look at what was asked for."""

    code = "inspection.failed"


def placement_ref(text: str) -> PlacementRef:
    """Return the placement that ``text`` names.

    Raises:
        typer.BadParameter: it names none.
    """
    try:
        return PlacementRef.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def everything(ask: Callable[..., Any], **query: Any) -> list[Any]:
    """Return all pages of a list that ``ask`` gives one by one."""
    items: list[Any] = []
    after = ""
    while True:
        page = ask(after=after, limit=PAGE, **query)
        items += page["items"]
        after = page["after"]
        if not after:
            return items


def ask(hub: Hub, kind: models.IntentKind, selection: models.Selection, reason: str = "") -> int:
    """Ask for something to be done with what is selected; return the request's number.

    What needs to have been seen before is looked at: it is done as it was then, or not at all.
    """
    body: models.NewRequest = {"kind": kind, "selection": selection, "reason": reason}
    etag = ""
    if kind in {"approve", "sync"}:
        seen = hub.post_intent_preview(body)
        etag = seen["etag"]
        if seen["takes_over"]:
            say(f"It takes over from project {seen['takes_over']}.")
    return hub.post_intent(body, if_match=etag, idempotency_key=new_key())["intent"]


def answered(hub: Hub, intent: int, *, until: float) -> models.IntentView:
    """Return the request once the scheduler has carried it out.

    Args:
        hub: asked again and again.
        intent: the request's number.
        until: by the monotonic clock; past it, or where it was not carried out, the command ends with 1.
    """
    with waiting("waiting for the scheduler"):
        found = _awaited(lambda: hub.get_intent(intent), lambda one: one["handled_at"] is not None, until)
    if found is None:
        say(
            f"Asked, and the scheduler has not taken it up yet: it stays asked for as request {intent}. "
            "`flotilla status` says whether a scheduler works."
        )
        raise typer.Exit(Exit.NO)
    if found["outcome"] not in HANDLED:
        say(found["result"])
        raise typer.Exit(Exit.NO)
    return found


def ended(hub: Hub, run: str, *, until: float) -> models.RunAnswer:
    """Return a run with all its details once it has ended; past ``until`` the command ends with 1."""
    with waiting(f"waiting for run {run[-12:]}"):
        found = _awaited(lambda: hub.get_run(run), lambda found: found["run"]["ended_at"] is not None, until)
    if found is None:
        say(f"It has not ended in time, and goes on: flotilla run {run[-12:]}")
        raise typer.Exit(Exit.NO)
    return found


def _awaited(ask: Callable[[], T], is_over: Callable[[T], bool], until: float, *, pause: float = POLL) -> T | None:
    """Return the answer to a read once it is over; None when time is up."""
    while True:
        answer = ask()
        if is_over(answer):
            return answer
        if time.monotonic() > until:
            return None
        time.sleep(pause)


def inspected(hub: Hub, placement: PlacementRef, what: str, *, until: float, **asked: Any) -> dict[str, Any]:
    """Return what a worker saw of a placement on its cluster.

    Args:
        hub: asked again and again.
        placement: that is looked at.
        what: is looked at.
        until: by the monotonic clock; past it, or where nothing could be seen, the command ends with 1.
        asked: besides, as the API takes it.
    """
    found = hub.post_inspection(cast("models.InspectionQuestion", {"placement": str(placement), "what": what, **asked}))
    return came_of(hub, found, placement, until=until)


def came_of(hub: Hub, found: models.InspectionView, placement: PlacementRef, *, until: float) -> dict[str, Any]:
    """Return what came of an inspection or operation that was asked for; ends as ``inspected``."""
    with waiting(f"looking at {placement}"):
        ended = _awaited(lambda: hub.get_inspection(found["id"]), _is_ended, until, pause=SOON)
    if ended is None:
        say(f"No worker has answered in time. `flotilla status` says whether any works for {placement.cluster}.")
        raise typer.Exit(Exit.NO)
    if ended["error"] is not None:
        raise NothingSeenError(ended["error"]["message"], remedy=ended["error"]["remedy"])
    answer: dict[str, Any] = cast("dict[str, Any]", ended)[ended["what"]]
    return answer


def _is_ended(inspection: models.InspectionView) -> bool:
    return inspection["state"] in {"answered", "failed"}


def deadline(seconds: float) -> float:
    """Return the instant of the monotonic clock so far ahead."""
    return time.monotonic() + seconds


def outcome_exit(outcome: str) -> Exit:
    """Return the exit code for a run's outcome; an unended run is no failure."""
    return Exit.DONE if outcome in {"succeeded", ""} else Exit.NO
