"""``render`` and ``tree``: manifests as they would be applied, and objects as they live."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from common.domain.health import WELL, HealthReport, worst
from common.settings import settings
from console.cli.asking import Ref, placement_ref
from console.cli.exits import Exit
from console.cli.layout import folded
from console.cli.output import Format, Output, ago, colour, is_data, say, waiting, warn

if TYPE_CHECKING:
    from console.inspect.offline import Shown
    from console.inspect.tree import Happened, Node

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


def tree(ref: Ref, output: Output = Format.TABLE) -> None:
    """Show what a placement owns on its cluster now, and what hangs on it. Exit 1 unless all is well.

    ReplicaSets, Pods and Jobs hang on what made them; what is not well comes with its last events. Runs on the hub's
    machine, and only reads.

    Example: flotilla tree eu-prod-03/payments
    """
    from console.inspect.live import look

    wanted = placement_ref(ref)
    with waiting(f"looking at {wanted}"):
        grown = look(settings(), wanted)
    whole = worst(HealthReport(node.report.health) for node in _all(grown.nodes) if node.report is not None)
    if not is_data(output, {"ref": ref, "health": whole.health, "objects": grown.nodes, "notes": grown.notes}):
        _tell_tree(ref, whole, grown.nodes)
        for note in grown.notes:
            warn(f"note: {note}")
    raise typer.Exit(Exit.DONE if whole.health in WELL else Exit.NO)


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.children)


def _tell_tree(ref: str, whole: HealthReport, nodes: Sequence[Node]) -> None:
    if not nodes:
        say(f"{ref} owns nothing yet.")
        return
    root = Tree(Text.assemble((ref, "bold"), "  ", coloured(whole.health)), guide_style="dim")
    for node in nodes:
        _hang(root, node)
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(root)


def coloured(word: str) -> Text:
    """Return a word in the colour of what it means; markup and control characters inert."""
    return Text(folded(word), style=colour(word))


def _hang(above: Tree, node: Node) -> None:
    name = f"{node.object.kind}/{node.object.name}"
    label = coloured(name)
    if node.report is not None:
        label.append("  ").append_text(coloured(node.report.health))
        if node.report.reason:
            label.append("  ").append_text(coloured(node.report.reason))
    branch = above.add(label)
    for event in node.events:
        branch.add(_told(event))
    for child in node.children:
        _hang(branch, child)


def _told(event: Happened) -> Text:
    times = f" ({event.times} times)" if event.times > 1 else ""
    when = f", {ago(event.at)} ago" if event.at else ""
    told = coloured(f"{event.reason}{times}{when}: {event.message}")
    told.stylize("yellow" if event.type == "Warning" else "dim")
    return told
