"""The tools: what the hub answers, and, where the operator allows it, what may be asked of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from common.domain.errors import FlotillaError, PermanentError, sentences
from common.domain.refs import PlacementRef
from console.client.hub import Hub, HubRefusedError, new_key
from console.mcp.answers import told

if TYPE_CHECKING:
    from console.client import models

Placement = Annotated[str, Field(description="a placement, CLUSTER/APPLICATION", max_length=400)]
Cluster = Annotated[str, Field(description="only of this cluster", max_length=200)]
Application = Annotated[str, Field(description="only of this application", max_length=200)]
Reason = Annotated[str, Field(description="why, for the audit", min_length=3, max_length=500)]
MOST_FILES = 500
WAIT = 60.0
"""Seconds that a question waits for the scheduler and a worker."""
POLL = 0.5


class NeedsPersonError(PermanentError):
    """What was asked for takes objects over: a person is to see that first."""

    code = "mcp.person"


class Tools:
    """The tools of one way to a hub.

    Args:
        connect: gives the hub, as the one who asks.
    """

    def __init__(self, connect: Callable[[], Hub]) -> None:
        self._connect = connect

    @property
    def reads(self) -> tuple[Callable[..., str], ...]:
        """Those that change nothing."""
        return (
            self.status, self.why, self.diff, self.plan, self.runs, self.run, self.commit, self.versions, self.drift,
            self.compare,
        )  # fmt: skip

    @property
    def writes(self) -> tuple[Callable[..., str], ...]:
        """Those that ask for a change."""
        return (self.sync, self.pause, self.resume, self.refresh)

    def _answer(self, ask: Callable[[Hub], Any]) -> str:
        try:
            return told(ask(self._connect()))
        except FlotillaError as error:
            code = error.said if isinstance(error, HubRefusedError) and error.said else error.code
            return told({"error": code, "message": error.message, "remedy": sentences(error.remedy)})

    def status(self, cluster: Cluster = "", application: Application = "") -> str:
        """Say how the fleet is: counts, faults, open approvals, and what is wrong with placements, the worst first."""

        def ask(hub: Hub) -> Any:
            problems = hub.get_problems(cluster=cluster, application=application)
            return {"status": hub.get_status(cluster=cluster, application=application), "problems": problems}

        return self._answer(ask)

    def why(self, placement: Placement) -> str:
        """Say why a placement is as it is, and what to do next."""
        return self._answer(lambda hub: hub.get_why(*_parts(placement)))

    def diff(self, placement: Placement) -> str:
        """Say what a sync would change now on the live cluster; a worker looks, and nothing is written."""
        return self._answer(lambda hub: _ended(hub, _wanted(hub, "check", {"placements": [placement]}, "")))

    def plan(self, files: Annotated[dict[str, str], Field(description="YAML files of a registry by path")]) -> str:
        """Say what committing a registry would change; it must be the whole registry."""

        def ask(hub: Hub) -> Any:
            if len(files) > MOST_FILES:
                message = f"these are more than {MOST_FILES} files"
                raise PermanentError(message, remedy="Use `flotilla plan`.")
            contents = {path: base64.b64encode(text.encode()).decode() for path, text in files.items()}
            return hub.post_plan({"files": contents})

        return self._answer(ask)

    def runs(
        self,
        cluster: Cluster = "",
        application: Application = "",
        outcome: Annotated[
            str, Field(description="only those that ended so: succeeded, failed, …", max_length=40)
        ] = "",
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> str:
        """List runs, newest first."""
        return self._answer(
            lambda hub: hub.get_runs(cluster=cluster, application=application, outcome=outcome, limit=limit)
        )

    def run(self, run: Annotated[str, Field(description="its id, or the last digits of it", max_length=60)]) -> str:
        """Show one run: its attempts, what they did to each object, and what to do next."""
        return self._answer(lambda hub: hub.get_run(run))

    def commit(
        self,
        commit: Annotated[str, Field(description="a commit, the beginning of it, a tag or a version", max_length=200)],
        repo: Annotated[str, Field(description="of this repository alone", max_length=500)] = "",
    ) -> str:
        """Say who has a commit, who waits for what, and who failed."""
        return self._answer(lambda hub: hub.get_commit(commit, repo=repo))

    def versions(self, application: Annotated[str, Field(description="an application", max_length=200)]) -> str:
        """Say which version of an application runs where."""
        return self._answer(lambda hub: hub.get_versions(application))

    def drift(self, hours: Annotated[float, Field(ge=0.1, le=744, description="how far to look back")] = 24) -> str:
        """Say what drifted from Git over the fleet: what differs now, and what was corrected."""
        return self._answer(lambda hub: hub.get_drift_groups(hours=hours))

    def compare(self, first: Placement, second: Placement) -> str:
        """Say in what two placements differ: revisions, values with file and line, and objects."""
        return self._answer(lambda hub: hub.get_comparison(*_parts(first), *_parts(second)))

    def sync(self, placement: Placement, reason: Reason) -> str:
        """Ask for a sync of one placement: objects change on its cluster, and those that Git has no more are removed.

        See with `diff` first. It is refused where it would take over objects of another project.
        """
        return self._answer(lambda hub: _wanted(hub, "sync", {"placements": [placement]}, reason))

    def pause(self, placement: Placement, reason: Reason) -> str:
        """Ask that a placement gets no more runs by itself."""
        return self._answer(lambda hub: _wanted(hub, "pause", {"placements": [placement]}, reason))

    def resume(self, placement: Placement, reason: Reason) -> str:
        """Ask that a paused placement goes on."""
        return self._answer(lambda hub: _wanted(hub, "resume", {"placements": [placement]}, reason))

    def refresh(
        self, repo: Annotated[str, Field(description="address of a repository", max_length=2000)], reason: Reason
    ) -> str:
        """Ask for a look at a repository now."""
        return self._answer(lambda hub: _wanted(hub, "refresh", {"repo": repo}, reason))


def _parts(placement: str) -> tuple[str, str]:
    try:
        ref = PlacementRef.parse(placement)
    except ValueError as error:
        raise PermanentError(str(error), remedy="Name it as CLUSTER/APPLICATION.") from error
    return ref.cluster, ref.application


def _wanted(hub: Hub, kind: models.IntentKind, selection: models.Selection, reason: str) -> models.IntentView:
    """Ask for something, and return what came of it; as it was seen, or not at all.

    Raises:
        NeedsPersonError: it would take over objects of another project.
    """
    body: models.NewRequest = {"kind": kind, "selection": selection, "reason": reason}
    etag = ""
    if kind == "sync":
        seen = hub.post_intent_preview(body)
        etag = seen["etag"]
        if seen["takes_over"]:
            message = "this would take objects over from another project"
            raise NeedsPersonError(message, remedy="A person is to look at it: flotilla sync, or the console.")
    made = hub.post_intent(body, if_match=etag, idempotency_key=new_key())
    return cast("models.IntentView", _waited(lambda: hub.get_intent(made["intent"]), lambda one: one["handled_at"]))


def _ended(hub: Hub, intent: models.IntentView) -> Any:
    run = intent["run_id"]
    return _waited(lambda: hub.get_run(run), lambda one: one["run"]["ended_at"]) if run else intent


def _waited(ask: Callable[[], Any], is_over: Callable[[Any], Any]) -> Any:
    until = time.monotonic() + WAIT
    while True:
        found = ask()
        if is_over(found) or time.monotonic() > until:
            return found
        time.sleep(POLL)
