"""Commands that need no hub: checking, describing and starting a registry."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import orjson
import typer

from common.domain import formatting
from common.domain.errors import PermanentError
from common.registry import json_schemas, validate_directory
from common.registry.faults import FaultScope
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, say

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="folder of the registry")]


class FolderNotEmptyError(PermanentError):
    """Something is there already."""

    code = "init.folder"


def validate(folder: Folder, output: Output = Format.TABLE) -> None:
    """Check a registry: every fault with its file and line, and what to do about it. Exit 1 if there is any.

    Notices, such as what a registry of an earlier version should say by now, are told too and fail nothing.

    Example: flotilla validate ./fleet
    """
    found = validate_directory(folder)
    faults = [one for one in found if one.scope is not FaultScope.NOTICE]
    if not is_data(output, found):
        for one in found:
            say(str(one))
        say(f"{formatting.of(len(faults), 'fault')}" if faults else "No faults.")
    raise typer.Exit(Exit.NO if faults else Exit.DONE)


def schema(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Application, Cluster, …; all when left out")] = "",
    directory: Annotated[Path | None, typer.Option(help="write KIND.json files there instead of printing")] = None,
) -> None:
    """Print the registry's JSON Schemas, so that editors complete and check.

    Example: flotilla schema Application > application.schema.json
    """
    schemas = json_schemas()
    if kind and kind not in schemas:
        message = f"{kind!r} is no kind of the registry; there are {', '.join(sorted(schemas))}"
        raise typer.BadParameter(message)
    chosen = {kind: schemas[kind]} if kind else schemas
    if directory is None:
        shown = chosen[kind] if kind else chosen
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in chosen.items():
        (directory / f"{name}.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    say(f"wrote {len(chosen)} schemas to {directory}")


def init(folder: Folder) -> None:
    """Write a starting registry with comments; the folder must be new or empty.

    Example: flotilla init ./fleet
    """
    if folder.exists() and any(folder.iterdir()):
        message = f"{folder} is not empty"
        raise FolderNotEmptyError(message, remedy="Name a new folder; nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    for entry in (files("console.cli") / "start").iterdir():
        (folder / entry.name).write_text(entry.read_text())
    say(f"A registry is in {folder}. Next:")
    say(f"  flotilla validate {folder}")
    say(f"  git -C {folder} init && git -C {folder} add . && git -C {folder} commit -m 'Declare the fleet'")
