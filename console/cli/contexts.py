"""``contexts``: hubs by name, and which one is asked."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from console.cli.output import Format, Output, is_data, say, table
from console.client.address import address
from console.client.contexts import (
    LOCAL,
    MOST_TOKEN,
    Context,
    Contexts,
    checked_name,
    checked_server,
    checked_token,
    load,
    update,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="of the context")]

app = typer.Typer(help="Hubs by name, and which one is asked.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_contexts(output: Output = Format.TABLE) -> None:
    """List hubs by name, and say which one is asked. No token is printed.

    Example: flotilla contexts list
    """
    known, asked = load(), address()
    rows = [{"name": LOCAL, "server": "", "token": "", "ca_file": ""}]
    rows += [
        {"name": one.name, "server": one.server, "token": _token(one), "ca_file": str(one.ca_file or "")}
        for one in known.by_name.values()
    ]
    found = [{"current": row["name"] == known.current, **row} for row in rows]
    if is_data(output, found):
        return
    shown = [
        ("*" if one["current"] else "", one["name"], one["server"] or "the hub on this machine", one["token"])
        for one in found
    ]
    table(("", "context", "hub", "token"), [tuple(map(str, row)) for row in shown], empty="")
    say(f"\nCommands ask {asked.server or f'the hub on this machine, in {asked.home}'}.")


def _token(one: Context) -> str:
    return f"in {one.token_file}" if one.token_file else "stored" if one.token else "none"


@app.command("use")
def use(name: Name) -> None:
    """Make a context the current one: commands ask its hub. `local` is the hub on this machine.

    Example: flotilla contexts use prod
    """
    update(lambda known: known.using(name))
    say(f"{name} is current.")


@app.command("set")
def set_context(
    name: Name,
    server: Annotated[str, typer.Option(metavar="URL", help="where the hub is")] = "",
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="holds the token, each time")] = None,
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="store the token that stdin gives")] = False,
    ca_file: Annotated[Path | None, typer.Option("--ca", metavar="FILE", help="certificates it is verified by")] = None,
) -> None:
    """Add a context, or change one; what is not named stays. The first one becomes current.

    A token is never an argument: others on the machine can read those. A new address takes the former token away.

    Example: flotilla contexts set prod --server https://flotilla.example.com --token-file ~/.flotilla-token
    """
    if token_stdin and token_file is not None:
        message = "--token-stdin and --token-file exclude each other"
        raise typer.BadParameter(message)
    wanted = checked_server(server) if server else ""
    token = checked_token(sys.stdin.read(MOST_TOKEN + 2)) if token_stdin else ""

    def changed(known: Contexts) -> Contexts:
        one = known.by_name.get(checked_name(name))
        if one is None or (wanted and wanted != one.server):
            if not wanted:
                message = "a new context needs --server"
                raise typer.BadParameter(message)
            one = Context(name, wanted)
        if token or token_file is not None:
            one = replace(one, token=token, token_file=token_file.absolute() if token_file else None)
        if ca_file is not None:
            one = replace(one, ca_file=ca_file.absolute())
        return known.having(one) if known.by_name else known.having(one).using(name)

    known = update(changed)
    say(f"{name}: {known.by_name[name].server}" + ("; it is current." if known.current == name else "."))


@app.command("delete")
def delete(name: Name) -> None:
    """Forget a context, and the token that is stored with it. The hub still takes that token.

    Example: flotilla contexts delete staging
    """
    known = update(lambda known: known.without(name))
    say(f"{name} is forgotten; {known.current} is current.")
