"""``commit``: who has a commit, who waits for it and for what, and where it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from common.domain import formatting
from console.cli.exits import Exit
from console.cli.output import Format, Output, ago, heading, is_data, paint, paragraph
from console.cli.told import commit_line, names
from console.client.hub import connect

Each = Annotated[bool, typer.Option("--each", help="name all placements that are known of each group")]


def commit(
    name: Annotated[str, typer.Argument(metavar="SHA|TAG", help="a commit, the beginning of it, a tag or a version")],
    repo: Annotated[str, typer.Option(metavar="URL", help="where several have such a tag: of this repository")] = "",
    each: Each = False,
    output: Output = Format.TABLE,
) -> None:
    """Say who has a commit, who waits for what, and who failed.

    A tag, or the version of a chart, is one that a source was resolved to. Exit 1 unless everyone has it who is to,
    and is synced.

    Example: flotilla commit 3f9c1d2e
    """
    found = connect().get_commit(name, repo=repo)
    if not is_data(output, found):
        _tell(found, each=each)
    raise typer.Exit(Exit.DONE if _everywhere(found) else Exit.NO)


def _everywhere(found: Mapping[str, Any]) -> bool:
    registry = found["registry"]
    spreads = [found["spread"], *([registry["spread"]] if registry and registry["spread"] else [])]
    in_force = registry is None or registry["in_force"]
    return in_force and not any(one["counts"][key] for one in spreads for key in ("unsynced", "waits", "failed"))


def _tell(found: Mapping[str, Any], *, each: bool) -> None:
    paragraph(commit_line(found["commit"]), indent=0, style="bold")
    for one in found["earlier"]:
        paragraph(f"{one['version']} meant {commit_line({**one, 'version': ''})} before")
    for source in found["sources"]:
        _tell_source(found["commit"]["id"], source)
    if found["more_sources"]:
        paragraph(f"and {formatting.of(found['more_sources'], 'other source')}")
    if found["alone"]:
        paragraph(f"where the revision of {names(found['alone'], len(found['alone']), each=True)} comes from")
    if found["unclear"]:
        paragraph(found["unclear"], style="yellow")
    if found["sources"]:
        _tell_spread(found["spread"], "it", each=each)
    if found["untouched"]:
        paragraph(f"it changes nothing of {formatting.of(found['untouched'], 'application')} that follow the same")
    if found["registry"] is not None:
        _tell_registry(found["registry"], each=each, alone=not found["sources"])


def _tell_source(id_: str, source: Mapping[str, Any]) -> None:
    where = f"{source['repo']} {source['ref']}"
    if source["lost_at"] is not None:
        paragraph(f"{where}: no longer in it since {ago(source['lost_at'])}; now {commit_line(source['newest'])}")
    elif source["newest"]["id"] != id_:
        paragraph(f"{where}: in it since {ago(source['seen_at'])}; now {commit_line(source['newest'])}")
    elif not source["is_followed"]:
        paragraph(f"{where}: the last that was seen, followed no more")
    else:
        paragraph(f"{where}: the newest, since {ago(source['seen_at'])}")


def _tell_registry(registry: Mapping[str, Any], *, each: bool, alone: bool) -> None:
    heading("registry")
    faults = formatting.of(registry["faults"], "fault")
    if registry["lost_at"] is not None:
        paragraph(f"no longer in the registry since {ago(registry['lost_at'])}")
    elif not registry["in_force"]:
        paragraph(f"not in force: {faults}, see `flotilla status --faults`")
    else:
        paragraph("in force" + (f", with {faults}, see `flotilla status --faults`" if registry["faults"] else ""))
    if registry["spread"] is not None and alone:
        _tell_spread(registry["spread"], "what it says", each=each, whole=True)


def _tell_spread(spread: Mapping[str, Any], what: str, *, each: bool, whole: bool = False) -> None:
    counts = spread["counts"]
    for key, title, style in (
        ("failed", "failed", "red"),
        ("waits", "wait", "yellow"),
        ("unsynced", f"have {what}, but are not synced", "yellow"),
        ("has", f"have {what}", "green"),
    ):
        paint(("  ", ""), (f"{counts[key]:>5} ", style if counts[key] else "dim"), (title, ""))
        if key != "has":
            _tell_alike(spread[key], each=each)
        elif not whole:
            for one in spread[key]:
                paragraph(f"{one['application']}: {names(one['refs'], one['count'], each=each)}", indent=10)


def _tell_alike(groups: Sequence[Mapping[str, Any]], *, each: bool) -> None:
    for one in groups:
        paragraph(f"{names(one['refs'], one['count'], each=each)}: {one['reason']}", indent=10)
