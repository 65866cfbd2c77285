"""``render``, ``tree`` and ``logs``: manifests as they would be applied, objects as they live, and what they wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from common.domain import formatting
from common.domain.health import WELL
from common.domain.inspections import LINES, MOST_LINES
from common.domain.names import suggestion
from common.settings import settings
from console.cli.asking import Patience, Ref, came_of, deadline, inspected, placement_ref
from console.cli.exits import Exit
from console.cli.layout import folded
from console.cli.output import Format, Output, ago, colour, is_data, paint, say, warn
from console.client.address import on_this_machine
from console.client.hub import connect

if TYPE_CHECKING:
    from console.client import models
    from console.inspect.offline import Shown

PIPED_WIDTH = 400
"""Columns where the output is no terminal."""
OptionalRef = Annotated[str, typer.Argument(metavar="[CLUSTER/APP]", help="a placement; on the hub's machine")]


def render(
    ref: OptionalRef = "",
    folder: Annotated[
        Path | None, typer.Option("--path", metavar="DIR", help="a folder of a working tree; asks no hub")
    ] = None,
    app: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --path: registry file with the Application")
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --app: registry file with a Cluster")
    ] = None,
) -> None:
    """Print manifests as they would be applied, each with the file and line it comes from.

    Of a placement, on the hub's machine: values of Secrets are masked. Of a folder, anywhere: as the files have them.

    Example: flotilla render --path apps/shop --app registry/shop.yaml --cluster registry/eu-1.yaml
    """
    # Imported late, like all of a hub's own code: most commands never need it.
    from console.inspect.hub import render_placement
    from console.inspect.offline import render_folder

    if bool(ref) == (folder is not None):
        message = "name either a placement, or a folder with --path"
        raise typer.BadParameter(message)
    if folder is None:
        _refuse(app, cluster)
        on_this_machine("`flotilla render CLUSTER/APP`")
        _print(render_placement(settings(), placement_ref(ref)))
        return
    if cluster is not None and app is None:
        message = "--cluster needs --app: without an Application, nothing takes its values"
        raise typer.BadParameter(message)
    _print(render_folder(folder, app, cluster, settings()))


def _refuse(app: Path | None, cluster: Path | None) -> None:
    if app is not None or cluster is not None:
        message = "--app and --cluster go with --path; of a placement, the hub knows both"
        raise typer.BadParameter(message)


def _print(shown: Shown) -> None:
    from console.inspect.stream import stream

    typer.echo(stream(shown.objects), nl=False)
    for note in shown.notes:
        warn(f"note: {note}")


def tree(ref: Ref, timeout: Patience = 30.0, output: Output = Format.TABLE) -> None:
    """Show what a placement owns on its cluster now, and what hangs on it. Exit 1 unless all is well.

    ReplicaSets, Pods and Jobs hang on what made them; what is not well comes with its last events. A worker looks,
    and only reads.

    Example: flotilla tree eu-prod-03/payments
    """
    wanted = placement_ref(ref)
    seen = inspected(connect(), wanted, "tree", until=deadline(timeout))
    if not is_data(output, {"ref": ref, **seen}):
        _tell_tree(ref, seen["health"], seen["objects"])
        _note(seen)
    raise typer.Exit(Exit.DONE if seen["health"] in WELL else Exit.NO)


def logs(
    ref: Ref,
    of: Annotated[str, typer.Argument(metavar="[OBJECT]", help="as Kind/name, or its id in the tree; or all")] = "",
    container: Annotated[str, typer.Option("--container", "-c", help="only this one")] = "",
    previous: Annotated[bool, typer.Option("--previous", "-p", help="before the last restart")] = False,
    tail: Annotated[int, typer.Option(min=1, max=MOST_LINES, help="lines of each log, the last ones")] = LINES,
    since: Annotated[int, typer.Option(min=0, help="seconds to look back; 0 is all the way")] = 0,
    timeout: Patience = 30.0,
    output: Output = Format.TABLE,
) -> None:
    """Show what the pods of a placement wrote, those of its hooks' Jobs too.

    Of an object: the pods that hang on it. Values that Flotilla knows to be secret are masked.

    Example: flotilla logs eu-prod-03/payments Deployment/payments --tail 50
    """
    placement, hub, until = placement_ref(ref), connect(), deadline(timeout)
    asked: dict[str, Any] = {"container": container, "previous": previous, "lines": tail}
    if since:
        asked["since"] = since
    if of:
        asked["object"] = of if ":" in of else _found(inspected(hub, placement, "tree", until=until), of)
    seen = inspected(hub, placement, "logs", until=until, **asked)
    if not is_data(output, {"ref": ref, **seen}):
        for log in seen["logs"]:
            _tell_log(log, alone=len(seen["logs"]) == 1)
        _note(seen)


def operate(
    ref: Ref,
    of: Annotated[str, typer.Argument(metavar="OBJECT", help="as Kind/name, or its id in the tree")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="what the tree says can be done to it: restart, …")],
    reason: Annotated[str, typer.Option(help="kept for audit")] = "",
    timeout: Patience = 30.0,
) -> None:
    """Act on a running object of a placement.

    Workloads are restarted, CronJobs and Jobs suspended and resumed, Argo Rollouts promoted, aborted and tried again.
    What changes is no field that Git has: the next sync does not take it back. `flotilla tree -o json` says what each
    object offers now.

    Example: flotilla operate eu-prod-03/payments Deployment/payments restart
    """
    placement, hub, until = placement_ref(ref), connect(), deadline(timeout)
    named = of if ":" in of else _found(inspected(hub, placement, "tree", until=until), of)
    asked: models.Operation = {"placement": str(placement), "object": named, "action": action, "reason": reason}
    done = came_of(hub, hub.post_operation(asked), placement, until=until)
    say(f"{action}: done to {folded(done['object'])}")


def _found(seen: dict[str, Any], wanted: str) -> str:
    """Return the id of the object that is called so in a tree.

    Raises:
        typer.BadParameter: none is, or several.
    """
    ids = [node["id"] for node in _all(seen["objects"]) if f"{node['kind']}/{node['name']}" == wanted]
    if len(ids) == 1:
        return str(ids[0])
    names = sorted({f"{node['kind']}/{node['name']}" for node in _all(seen["objects"])})
    message = (
        f"several objects are called {wanted}; name one: {', '.join(ids)}"
        if ids
        else f"there is no {wanted!r}; {suggestion(wanted, names, 'the placement has no objects')}"
    )
    raise typer.BadParameter(message)


def _note(seen: dict[str, Any]) -> None:
    for note in seen["notes"]:
        warn(f"note: {note}")


def _tell_log(log: dict[str, Any], *, alone: bool) -> None:
    if not alone:
        paint((f"{log['pod']}  {log['container']}", "bold"))
    if log["cut"]:
        warn("note: there is more before this")
    for line in log["lines"]:
        say("".join(c for c in line.expandtabs() if c.isprintable()))


def _all(nodes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _all(node["children"])


def _tell_tree(ref: str, health: str, nodes: Sequence[dict[str, Any]]) -> None:
    if not nodes:
        say(f"{ref} owns nothing yet.")
        return
    root = Tree(Text.assemble((ref, "bold"), "  ", coloured(health)), guide_style="dim")
    for node in nodes:
        _hang(root, node)
    # Rich takes NO_COLOR for no colours alone, and keeps bold and dim.
    Console(
        width=None if sys.stdout.isatty() else PIPED_WIDTH, color_system=None if os.environ.get("NO_COLOR") else "auto"
    ).print(root)


def coloured(word: str) -> Text:
    """Return a word in the colour of what it means; markup and control characters inert."""
    return Text(folded(word), style=colour(word))


def _hang(above: Tree, node: dict[str, Any]) -> None:
    label = coloured(f"{node['kind']}/{node['name']}")
    label.append("  ").append_text(coloured(node["health"]))
    if node["reason"]:
        label.append("  ").append_text(coloured(node["reason"]))
    if glance := _glance(node):
        label.append("  ").append(folded(glance), style="dim")
    branch = above.add(label)
    for event in node["events"]:
        branch.add(_told(event))
    for child in node["children"]:
        _hang(branch, child)


def _glance(node: dict[str, Any]) -> str:
    """Return what else is worth seeing of an object: how many are ready, images by their tags, restarts, age."""
    parts = [f"{node['ready']}/{node['wanted']} ready"] if node["ready"] is not None else []
    parts += [image.rpartition("/")[2] for image in node["images"]]
    if node["restarts"]:
        parts.append(formatting.of(node["restarts"], "restart"))
    if node["created_at"]:
        parts.append(f"{ago(node['created_at'])} old")
    return ", ".join(parts)


def _told(event: dict[str, Any]) -> Text:
    times = f" ({event['times']} times)" if event["times"] > 1 else ""
    when = f", {ago(event['at'])} ago" if event["at"] else ""
    told = coloured(f"{event['reason']}{times}{when}: {event['message']}")
    told.stylize("yellow" if event["type"] == "Warning" else "dim")
    return told
