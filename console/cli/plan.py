"""``plan``: what a registry would change, placement by placement, and object by object."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from common.domain import formatting
from common.domain.reasons import sentence
from common.registry import Fault, ParsedRegistry, parse, read_directory
from common.settings import settings
from console.cli.diff import tell_change
from console.cli.exits import Exit
from console.cli.offline import Folder
from console.cli.output import Format, Output, is_data, say, table, waiting, warn
from console.cli.told import data_of
from console.client.address import on_this_machine
from console.client.hub import connect
from scheduler.planning.preview import Effect, Preview

if TYPE_CHECKING:
    from console.planning.commits import Planned

EFFECTS = list(Effect)
SHOWN = 40
"""Placements listed for a person; a program gets all."""
NAMED = 3
"""Placements that are named where many share a change."""
NO_PREVIEW = Preview((), ())
Since = Annotated[str, typer.Option(metavar="REV", help="compare with this commit of the folder's repository; no hub")]
At = Annotated[str, typer.Option(metavar="REV", help="with --since: this commit, not the files as they are there")]
Live = Annotated[bool, typer.Option("--live", help="down to the objects of live clusters; on the hub's machine")]


def plan(folder: Folder, since: Since = "", at: At = "", live: Live = False, output: Output = Format.TABLE) -> None:
    """Show what committing a registry would change. Nothing is stored or written. Exit 1 if it has faults.

    By itself: which placements, as the hub plans them. With --since: down to the objects, from one commit of the
    registry to another, rendered here. With --live: down to the objects, by dry-runs on the clusters. Equal changes of
    many placements are told once.

    Example: flotilla plan ./fleet --since origin/main
    """
    if live and (since or at):
        message = "--live compares with the clusters; --since and --at with a commit"
        raise typer.BadParameter(message)
    if at and not since:
        message = "--at needs --since"
        raise typer.BadParameter(message)
    found = _between(folder, since, at) if since else _live(folder) if live else _by_hub(folder)
    if not is_data(output, found):
        _tell(found)
    raise typer.Exit(Exit.NO if found["faults"] or found.get("errors") else Exit.DONE)


def _by_hub(folder: Path) -> dict[str, Any]:
    files, unreadable = read_directory(folder)
    contents = {path: base64.b64encode(content).decode() for path, content in files.items()}
    found = connect().post_plan({"files": contents})
    return {**found, "faults": orjson.loads(orjson.dumps(unreadable)) + found["faults"]}


def _between(folder: Path, since: str, at: str) -> dict[str, Any]:
    # Imported late, like all of a hub's own code: most commands never need it.
    from common.sources.registry import files_of_checkout
    from console.planning.commits import plan_commits

    was = parse(files_of_checkout(folder, since))
    if was.fleet is None:
        message = f"the registry at {since} would be refused: see `flotilla validate` there"
        raise typer.BadParameter(message)
    files, unreadable = (files_of_checkout(folder, at), ()) if at else read_directory(folder)
    parsed = parse(files, was.documents)
    planned = None
    if parsed.fleet is not None and not parsed.refused:
        with waiting("rendering both sides"):
            planned = plan_commits(was.fleet, parsed.fleet, settings(), at=datetime.now(UTC))
    return _found(parsed, unreadable, planned)


def _live(folder: Path) -> dict[str, Any]:
    from console.planning.live import known, parsed_against, plan_live

    on_this_machine("`flotilla plan --live`")
    config = settings()
    hub = known(config)
    files, unreadable = read_directory(folder)
    parsed = parsed_against(files, hub)
    planned = None
    if parsed.fleet is not None and not parsed.refused:
        with waiting("asking the clusters"):
            planned = plan_live(parsed.fleet, hub, config)
    return _found(parsed, unreadable, planned)


def _found(parsed: ParsedRegistry, unreadable: Sequence[Fault], planned: Planned | None) -> dict[str, Any]:
    from console.planning.changes import errors_of, grouped

    preview = planned.preview if planned else NO_PREVIEW
    placements = planned.placements if planned else ()
    changes = [
        {
            "application": one.application,
            "object": str(one.change.object),
            "action": one.change.action,
            "detail": sentence(one.change.detail),
            "detail_code": str(one.change.detail.code),
            "detail_params": dict(one.change.detail.params),
            **data_of(one.change.diff),
            "placements": [str(ref) for ref in one.placements],
        }
        for one in grouped(placements)
    ]
    failed = [{"error": one.error, "placements": [str(ref) for ref in one.placements]} for one in errors_of(placements)]
    found = {
        "faults": [*unreadable, *parsed.faults],
        "notices": parsed.notices,
        "refused": parsed.refused,
        "clusters": preview.clusters,
        "placements": [{"ref": str(one.ref), "effect": one.effect, "detail": one.detail} for one in preview.placements],
        "changes": changes,
        "errors": failed,
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return plain


def _tell(found: dict[str, Any]) -> None:
    for fault in found["faults"] + found["notices"]:
        say(str(Fault(**fault)))
    if found["refused"]:
        say("The commit would be refused: nothing changes.")
        return
    if found["clusters"]:
        table(("cluster", "change"), [(one["name"], one["detail"]) for one in found["clusters"]], empty="")
        say("")
    rows = [(one["ref"], one["effect"], one["detail"]) for one in found["placements"]]
    # What matters most comes first, since not all may be shown.
    rows.sort(key=lambda row: EFFECTS.index(row[1]))
    if rows:
        table(("placement", "effect", ""), rows[:SHOWN], empty="")
        if len(rows) > SHOWN:
            say(f"… and {len(rows) - SHOWN} more; -o json lists all")
        say("")
    if "changes" in found:
        _tell_objects(found)
    effects = Counter(effect for _, effect, _ in rows)
    total = ", ".join(f"{count} {name}" for name, count in sorted(effects.items()))
    say(f"Placements: {total}." if rows else "No placement changes.")


def _tell_objects(found: dict[str, Any]) -> None:
    for one in found["changes"]:
        tell_change(one, where=_named(one["placements"]))
    for one in found["errors"]:
        warn(f"not told of {_named(one['placements'])}: {one['error']}")
    if found["changes"] or found["errors"]:
        say("")
        total = sum(len(one["placements"]) for one in found["changes"])
        say(f"Objects: {formatting.of(total, 'change')}, {len(found['changes'])} of them different.")


def _named(refs: Sequence[str]) -> str:
    more = f" and {len(refs) - NAMED} more" if len(refs) > NAMED else ""
    count = f"{len(refs)} placements: " if len(refs) > 1 else ""
    return f"{count}{', '.join(refs[:NAMED])}{more}"
