"""``render``: the manifests of a folder, or of a placement, as they would be applied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common.settings import settings
from console.cli.output import errors
from console.looking.offline import Shown, render_folder
from console.looking.stream import stream

OptionalRef = Annotated[str, typer.Argument(metavar="[CLUSTER/APP]", help="a placement; on the hub's machine")]


def render(
    folder: Annotated[Path, typer.Option("--path", metavar="DIR", help="a folder of a working tree; asks no hub")],
    app: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --path: registry file with the Application")
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --app: registry file with a Cluster")
    ] = None,
) -> None:
    """Print manifests as they would be applied, each with the file and line it comes from.

    Example: flotilla render --path apps/shop --app registry/shop.yaml --cluster registry/eu-1.yaml
    """
    if cluster is not None and app is None:
        message = "--cluster needs --app: without an Application, nothing takes its values"
        raise typer.BadParameter(message)
    _print(render_folder(folder, app, cluster, settings()))


def _print(shown: Shown) -> None:
    typer.echo(stream(shown.objects), nl=False)
    for note in shown.notes:
        errors.print(f"note: {note}", markup=False, highlight=False)
