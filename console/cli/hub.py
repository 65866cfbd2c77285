"""Commands about the hub; each is one or two calls of its API."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from common.domain.refs import PlacementRef
from common.settings import settings
from console import words
from console.cli.client import Hub, connect
from console.cli.exits import Exit
from console.cli.output import Format, Output, ago, console, counted, is_data, parsed, say, table, trouble

POLL = 0.4
Ref = Annotated[str, typer.Argument(metavar="CLUSTER/APP", help="a placement")]
Wait = Annotated[bool, typer.Option("--wait", help="return when the run has ended, with its outcome as exit code")]
Patience = Annotated[float, typer.Option(help="seconds to wait at most")]
RUN_COLUMNS = ("run", "placement", "why", "by", "outcome", "attempts", "objects", "commit", "took", "age", "")


def status(
    output: Output = Format.TABLE,
    faults: Annotated[bool, typer.Option("--faults", help="show the faults alone")] = False,
    cluster: Annotated[str, typer.Option(help="only this cluster")] = "",
    application: Annotated[str, typer.Option(help="only this application")] = "",
) -> None:
    """Show the fleet: what is synced, what is not and why. Exit 1 if anything is wrong.

    Example: flotilla status --cluster eu-prod-03
    """
    hub = connect(settings())
    seen = hub.get("status")
    placed = [] if faults else everything(hub, "placements", cluster=cluster, application=application)
    if not is_data(output, {**seen, "placements": placed}):
        _tell_status(seen, placed, hub, only_faults=faults)
    wrong = (
        any(w["severity"] == "error" for w in seen["work"])
        or seen["faults"]
        or any(p["sync"] != "synced" for p in placed if p["state"] == "placed")
    )
    raise typer.Exit(Exit.NO if wrong else Exit.DONE)


def _tell_status(seen: dict[str, Any], placed: list[dict[str, Any]], hub: Hub, *, only_faults: bool) -> None:
    if not only_faults:
        _tell_work(seen["work"])
        fleet = seen["fleet"]
        if fleet:
            commit = words.short(fleet["commit"]) or "-"
            say(f"{fleet['name']}: registry at {commit}, looked at {ago(fleet['checked_at'])} ago")
        clusters = hub.get("clusters")
        rows = [
            (
                c["name"],
                _state(c),
                _reach(c),
                f"{c['synced']}/{c['placements']}",
                ago(c["last_seen_at"]),
                trouble(c),
            )
            for c in clusters
        ]
        table(("cluster", "state", "reached", "synced", "seen", ""), rows, empty="No clusters in the registry.")
        console.print()
        table(
            ("placement", "sync", "confirmed", "health", "commit", ""),
            [_placement_row(p) for p in placed],
            empty="Nothing is placed.",
        )
        console.print()
    fault_rows = [
        (f"{f['file']}:{f['line']}" if f["file"] else f["scope"], f["what"], f["remedy"]) for f in seen["faults"]
    ]
    table(("fault", "what", "remedy"), fault_rows, empty="No faults.")


def _tell_work(work: list[dict[str, Any]]) -> None:
    """Say first what keeps the work from going on: all that follows may be old then."""
    for one in work:
        say(f"{one['severity']}: {one['message']}. {one['remedy']}")
    if work:
        console.print()


def _state(cluster: dict[str, Any]) -> str:
    return str(cluster["state"]) if cluster["declared"] else "frozen (not in the registry)"


def _reach(cluster: dict[str, Any]) -> str:
    if cluster["blocked"]:
        return "blocked"
    return {True: "reachable", False: "unreachable", None: "unknown"}[cluster["reachable"]]


def _placement_row(placement: dict[str, Any]) -> tuple[str, ...]:
    reason = placement["reason"] or placement["health_reason"]
    if placement["paused_by"]:
        reason = f"paused by {placement['paused_by']}: {placement['pause_reason']}"
    return (
        placement["ref"],
        placement["sync"] if placement["state"] == "placed" else placement["state"],
        ago(placement["confirmed_at"]),
        placement["health"],
        words.short(placement["commit"]),
        reason,
    )


def everything(hub: Hub, path: str, **query: str) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = hub.get(path, after=after, limit=500, **query)
        items += page["items"]
        after = page["after"]
        if not after:
            return items


def runs(
    ref: Annotated[str, typer.Argument(metavar="[CLUSTER/APP]", help="only this placement")] = "",
    cluster: Annotated[str, typer.Option(help="only this cluster")] = "",
    application: Annotated[str, typer.Option(help="only this application")] = "",
    outcome: Annotated[str, typer.Option(help="only runs that ended so")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="how many, newest first")] = 30,
    output: Output = Format.TABLE,
) -> None:
    """List runs, newest first.

    Example: flotilla runs eu-prod-03/payments
    """
    if ref:
        parsed_ref = placement_ref(ref)
        cluster, application = parsed_ref.cluster, parsed_ref.application
    page = connect(settings()).get("runs", cluster=cluster, application=application, outcome=outcome, limit=limit)
    if is_data(output, page["items"]):
        return
    table(RUN_COLUMNS, [_run_row(r) for r in page["items"]], empty="No runs.")


def _run_row(run: dict[str, Any]) -> tuple[str, ...]:
    return (
        run["id"],
        run["ref"],
        run["trigger"],
        run["actor"],
        run["outcome"] or run["state"],
        str(run["attempts"]),
        counted(run["counts"]),
        words.short(run["commit"]),
        words.took(parsed(run["started_at"]), parsed(run["ended_at"])),
        ago(run["created_at"]),
        run["error"] or run["reason"],
    )


def run(run_id: Annotated[str, typer.Argument(metavar="ID")], output: Output = Format.TABLE) -> None:
    """Show one run: each attempt and what it did to each object. Exit 1 if it failed.

    The id's first eight or more characters will do where no other run begins so, and so will its last twelve.

    Example: flotilla run 01935d3e-7a54-7000-8000-000000000000
    """
    detail = connect(settings()).get(f"runs/{run_id}")
    if not is_data(output, detail):
        _tell_run(detail)
    raise typer.Exit(outcome_exit(detail["run"]["outcome"]))


def _tell_run(detail: dict[str, Any]) -> None:
    run_view = detail["run"]
    say(f"{run_view['ref']}  {run_view['outcome'] or run_view['state']}  {run_view['trigger']} by {run_view['actor']}")
    for label, value in (("cause", run_view["cause"]), ("commit", run_view["commit"]), ("reason", run_view["reason"])):
        if value:
            say(f"  {label}: {value}")
    if run_view["error"]:
        say(f"  error: {run_view['error_code']}: {run_view['error']}")
    rows = [
        (
            str(a["number"]),
            a["outcome"] or "running",
            a["worker"],
            words.took(parsed(a["started_at"]), parsed(a["ended_at"])),
            counted(a["requests"]),
            a["error"],
        )
        for a in detail["attempts"]
    ]
    table(("attempt", "outcome", "worker", "took", "requests", ""), rows, empty="Not claimed yet.")
    changed = [(str(o["attempt"]), o["object"], o["action"], o["detail"]) for o in detail["objects"]]
    table(("attempt", "object", "outcome", ""), changed, empty=counted(run_view["counts"]) or "No objects changed.")
    for one in detail["objects"]:
        if one["diff"]:
            say(f"\n{one['object']}\n{one['diff']}")


def outcome_exit(outcome: str) -> Exit:
    """Return the exit code for a run's outcome; an unended run is no failure."""
    return Exit.DONE if outcome in {"succeeded", ""} else Exit.NO


def placement_ref(text: str) -> PlacementRef:
    """Return the placement that ``text`` names.

    Raises:
        typer.BadParameter: it names none.
    """
    try:
        return PlacementRef.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def sync(
    ref: Ref,
    wait: Wait = False,
    timeout: Patience = 300.0,
    reason: Annotated[str, typer.Option(help="kept for audit")] = "",
) -> None:
    """Ask for a run of one placement now.

    Example: flotilla sync eu-prod-03/payments --wait
    """
    placement = placement_ref(ref)
    hub = connect(settings())
    wanted = hub.post(f"placements/{placement.cluster}/{placement.application}/sync", {"reason": reason})
    if not wait:
        say(f"asked for a run of {placement}")
        return
    until = time.monotonic() + timeout
    with console.status(f"waiting for {placement}"):
        intent = awaited(hub, f"intents/{wanted['intent']}", "handled_at", until)
        if not intent["run_id"]:
            say(intent["result"])
            raise typer.Exit(Exit.NO)
        detail = awaited(hub, f"runs/{intent['run_id']}", "run.ended_at", until)
    _tell_run(detail)
    raise typer.Exit(outcome_exit(detail["run"]["outcome"]))


def awaited(hub: Hub, path: str, key: str, until: float) -> dict[str, Any]:
    """Return the answer to a read once the value at ``key``, dotted, is there.

    Args:
        hub: asked again and again.
        path: what is read.
        key: of what is waited for.
        until: by the monotonic clock; past it, the command ends and says how to go on.
    """
    while True:
        answer: dict[str, Any] = hub.get(path)
        value: Any = answer
        for part in key.split("."):
            value = value[part]
        if value is not None:
            return answer
        if time.monotonic() > until:
            say(f"not done in time; it goes on: flotilla {path.replace('/', ' ').replace('runs', 'run')}")
            raise typer.Exit(Exit.NO)
        time.sleep(POLL)


def refresh(repo: Annotated[str, typer.Argument(metavar="[REPO]", help="only this repository")] = "") -> None:
    """Have Git looked at now, instead of at the next interval.

    Example: flotilla refresh https://git.example.com/pay/deploy.git
    """
    connect(settings()).post("refresh", repo=repo)
    say(f"asked for a look at {repo or 'the registry and every source'}")


def pause(ref: Ref, reason: Annotated[str, typer.Option(help="shown wherever the placement is")]) -> None:
    """Give a placement no more runs by itself until it is resumed.

    Example: flotilla pause eu-prod-03/payments --reason "incident 42"
    """
    placement = placement_ref(ref)
    connect(settings()).post(f"placements/{placement.cluster}/{placement.application}/pause", {"reason": reason})
    say(f"asked to pause {placement}")


def resume(ref: Ref) -> None:
    """Let a paused placement go on.

    Example: flotilla resume eu-prod-03/payments
    """
    placement = placement_ref(ref)
    connect(settings()).post(f"placements/{placement.cluster}/{placement.application}/resume")
    say(f"asked to resume {placement}")


def approvals(
    state: Annotated[str, typer.Option(help="open, approved, rejected, void, or empty for all")] = "open",
    output: Output = Format.TABLE,
) -> None:
    """List what waits for a person.

    Example: flotilla approvals -o yaml
    """
    found = connect(settings()).get("approvals", state=state)
    if is_data(output, found):
        return
    rows = [(str(a["id"]), a["kind"], a["subject"], a["state"], a["reason"], ago(a["created_at"])) for a in found]
    table(("id", "kind", "subject", "state", "why", "age"), rows, empty="Nothing waits.")


def approve(
    approval_id: Annotated[int, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="kept for audit")],
) -> None:
    """Allow exactly what an approval lists.

    Example: flotilla approve 7 --reason "the old jobs are gone for good"
    """
    connect(settings()).post(f"approvals/{approval_id}/approve", {"reason": reason})
    say(f"approved {approval_id}")


def reject(
    approval_id: Annotated[int, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="kept for audit")] = "",
) -> None:
    """Refuse what waits.

    Example: flotilla reject 7
    """
    connect(settings()).post(f"approvals/{approval_id}/reject", {"reason": reason})
    say(f"rejected {approval_id}")
