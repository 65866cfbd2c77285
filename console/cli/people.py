"""``flotilla user``, ``flotilla tokens`` and ``flotilla sessions``: who may sign in, and what counts in their place."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from common.domain.names import suggestion
from console.cli.layout import Column
from console.cli.output import Format, Output, ago, is_data, parsed, say, table
from console.client.hub import HubRefusedError, connect

if TYPE_CHECKING:
    from console.client import models

user = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may sign in.")
tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Tokens for programs.")
sessions = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Browsers that have signed in.")
Name = Annotated[str, typer.Argument(metavar="NAME")]
PasswordFile = Annotated[Path | None, typer.Option(help="holds the password; else it is asked for or piped in")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="to which the registry gives roles; repeatable")]
Everybodys = Annotated[bool, typer.Option("--all", help="those of everybody; needs the right admin")]
_USERS = (
    Column("id", 2),
    Column("name", 0, 12),
    Column("role"),
    Column("groups", 1, 8),
    Column("signed in"),
    Column("state"),
)
_TOKENS = (
    Column("id"), Column("name", 0, 12), Column("maker", 1, 8), Column("rights", 2, 8), Column("used"), Column("state"),
)  # fmt: skip
_SESSIONS = (Column("id"), Column("user", 0, 12), Column("address"), Column("signed in", 1), Column("used"))


@user.command("list")
def list_users(output: Output = Format.TABLE) -> None:
    """List who may sign in, or has.

    Example: flotilla user list
    """
    found = connect().get_users()
    if is_data(output, found):
        return
    rows = [
        (
            str(one["id"]), one["actor"], one["role"] or "", ", ".join(one["groups"]), _ago(one["signed_in_at"]),
            "disabled" if one["disabled_at"] else "",
        )
        for one in found
    ]  # fmt: skip
    table(_USERS, rows, empty="Nobody can sign in yet: flotilla user add NAME --role admin")


@user.command("add")
def add_user(
    name: Name,
    role: Annotated[str, typer.Option(help="reader, operator or admin, of the whole fleet")] = "",
    group: Groups = None,
    password_file: PasswordFile = None,
) -> None:
    """Add a user of this hub's own. With the first admin, the hub's own token is off but for commands on this machine.

    Example: flotilla user add ada --role admin
    """
    body: dict[str, Any] = {
        "name": name,
        "password": _password(password_file),
        "role": role or None,
        "groups": group or [],
    }
    connect().post_user(cast("models.NewUser", body))
    say(f"{name} can sign in.")
    if role == "admin":
        say("The hub's own token counts on the hub's machine alone now: in a browser, sign in by name and password.")


@user.command("disable")
def disable_user(name: Name) -> None:
    """Let somebody sign in no more; their sessions end, and their tokens count for nothing.

    Example: flotilla user disable ada
    """
    _change(name, {"disabled": True})
    say(f"{name} cannot sign in any more.")


@user.command("enable")
def enable_user(name: Name) -> None:
    """Let somebody sign in again.

    Example: flotilla user enable ada
    """
    _change(name, {"disabled": False})
    say(f"{name} can sign in.")


@user.command("password")
def set_password(name: Name, password_file: PasswordFile = None) -> None:
    """Give a user of this hub's own another password; their sessions end.

    Example: flotilla user password ada
    """
    _change(name, {"password": _password(password_file)})
    say(f"{name} has another password.")


@user.command("set")
def set_user(
    name: Name,
    role: Annotated[str | None, typer.Option(help="reader, operator, admin, or none")] = None,
    group: Groups = None,
) -> None:
    """Give somebody another role of the whole fleet, or other groups.

    Example: flotilla user set ada --role operator --group team-pay
    """
    change: dict[str, Any] = {} if role is None else {"role": None if role == "none" else role}
    if group is not None:
        change["groups"] = [one for one in group if one]
    if not change:
        message = "say what to change: --role or --group"
        raise typer.BadParameter(message)
    _change(name, change)
    say(f"{name} is changed.")


@user.command("remove")
def remove_user(name: Name) -> None:
    """Remove somebody, with their sessions and tokens; the audit keeps what they did.

    Example: flotilla user remove ada
    """
    connect().delete_user(_number(name))
    say(f"{name} is removed.")


@tokens.command("list")
def list_tokens(everybodys: Everybodys = False, output: Output = Format.TABLE) -> None:
    """List tokens, newest first: when each was used last, and when it ends.

    Example: flotilla tokens list --all
    """
    found = connect().get_tokens(all=everybodys)
    if is_data(output, found):
        return
    rows = [
        (str(one["id"]), one["name"], one["maker"], _rights(one["rights"]), _ago(one["used_at"]), _state(one))
        for one in found
    ]
    table(_TOKENS, rows, empty="There are no tokens." if everybodys else "None are yours; --all lists everybody's.")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="what it is for")],
    verb: Annotated[list[str] | None, typer.Option(help="what it is for; repeatable; all that you may")] = None,
    project: Annotated[list[str] | None, typer.Option(help="where; repeatable; wherever you may")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="after which it ends")] = 90,
) -> None:
    """Make a token and print it, this once.

    Example: flotilla tokens create ci --verb sync --project pay > token
    """
    body: dict[str, Any] = {"name": name, "projects": project or [], "days": days}
    if verb:
        body["verbs"] = verb
    made = connect().post_token(cast("models.TokenWanted", body))
    typer.echo(made["secret"])


@tokens.command("revoke")
def revoke_token(number: Annotated[int, typer.Argument(metavar="ID", min=1)]) -> None:
    """End a token, and those that were made with it.

    Example: flotilla tokens revoke 7
    """
    say(f"{connect().delete_token(number)['name']} counts for nothing any more.")


@sessions.command("list")
def list_sessions(everybodys: Everybodys = False, output: Output = Format.TABLE) -> None:
    """List browsers that have signed in, newest first.

    Example: flotilla sessions list --all
    """
    found = connect().get_sessions(all=everybodys)
    if is_data(output, found):
        return
    rows = [
        (str(one["id"]), one["actor"], one["address"], _ago(one["created_at"]), _ago(one["seen_at"])) for one in found
    ]
    table(_SESSIONS, rows, empty="Nobody is signed in." if everybodys else "None are yours; --all lists everybody's.")


@sessions.command("end")
def end_session(number: Annotated[int, typer.Argument(metavar="ID", min=1)]) -> None:
    """Sign a browser out.

    Example: flotilla sessions end 7
    """
    say(f"{connect().delete_session(number)['actor']} is signed out there.")


def _change(name: str, change: dict[str, Any]) -> None:
    connect().patch_user(_number(name), cast("models.Change", change))


def _number(name: str) -> int:
    found = {one["actor"]: int(one["id"]) for one in connect().get_users()}
    if name not in found:
        message = f"there is no user {name!r}"
        raise HubRefusedError(message, remedy=suggestion(name, found, "add them: flotilla user add"))
    return found[name]


def _password(file: Path | None) -> str:
    """Return a password that stands in no argument, which everybody on the machine could read."""
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _ago(instant: str | None) -> str:
    return f"{ago(instant)} ago" if instant else "never"


def _rights(rights: Sequence[Mapping[str, Any]]) -> str:
    projects = sorted({one["project"] for one in rights})
    verbs = sorted({one["verb"] for one in rights})
    where = "" if projects == ["*"] else f" in {', '.join(projects)}"
    return f"{'all' if 'admin' in verbs else ', '.join(verbs)}{where}"


def _state(token: Mapping[str, Any]) -> str:
    if token["revoked_at"]:
        return "revoked"
    ends = parsed(token["expires_at"])
    return "ended" if ends is not None and ends <= datetime.now(UTC) else f"until {token['expires_at'][:10]}"
