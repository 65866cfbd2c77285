"""Commands that start processes: whole hubs here, single ones by exec; none of their code is imported."""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from common.domain.queues import now_queue
from common.settings import settings
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, say, table
from console.client.address import on_this_machine
from console.processes.embedded import flower_arguments
from console.processes.spec import python

database = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The hub's database.")
_LONGEST_DELETION = timedelta(seconds=10)
"""One statement's, waiting included."""


def become(module: str, *arguments: str) -> None:
    """Replace this process by another of Flotilla's, so that signals reach it."""
    argv = python(module, *arguments)
    os.execv(argv[0], argv)  # noqa: S606 - our own interpreter, no shell


def scheduler(context: typer.Context) -> None:
    """Run a scheduler: one leads, others stand by.

    Example: flotilla scheduler
    """
    become("scheduler", *context.args)


def worker(
    pool: Annotated[str, typer.Option(help="whose clusters to serve")] = "",
    now: Annotated[bool, typer.Option("--now", help="serve what people ask for instead of planned work")] = False,
    concurrency: Annotated[int | None, typer.Option(min=1, max=64, help="runs at once")] = None,
    name: Annotated[str, typer.Option(help="shown in Flower and on attempts")] = "",
) -> None:
    """Run a worker. Each pool needs one, and one with --now.

    Example: flotilla worker --pool eu --concurrency 8
    """
    served = pool or settings().pool
    queue = now_queue(served) if now else served
    arguments = ["--queue", queue, "--concurrency", str(concurrency or settings().concurrency)]
    become("workers", *arguments, *(("--name", name) if name else ()))


def api() -> None:
    """Serve the hub's API and pages.

    Example: flotilla api
    """
    become("console.api")


def flower(
    address: Annotated[str, typer.Option(help="where to listen; empty is a private Unix socket")] = "",
    port: Annotated[int, typer.Option(help="with --address")] = 5555,
    basic_auth_file: Annotated[Path | None, typer.Option(help="USER:PASSWORD, wanted with --address")] = None,
) -> None:
    """Run Flower, read-only; people reach it through the api alone.

    Example: flotilla flower
    """
    if address and basic_auth_file is None:
        message = "Flower on a network needs --basic-auth-file"
        raise typer.BadParameter(message)
    # In the environment, because arguments are for everybody on the machine to read.
    if basic_auth_file is not None:
        os.environ["FLOWER_BASIC_AUTH"] = basic_auth_file.read_text().strip()
    else:
        os.environ["FLOWER_UNAUTHENTICATED_API"] = "true"
    module, *arguments = flower_arguments(settings(), address=address, port=port)
    become(module, *arguments)


def alive(
    what: Annotated[str, typer.Argument(metavar="scheduler|worker")],
    name: Annotated[str, typer.Option(help="a worker's name begins so; empty is this host's")] = "",
) -> None:
    """Say whether a scheduler leads, or this host's worker lives; for health checks. Exit 1 if not.

    Example: flotilla alive worker
    """
    from common.store.engine.session import open_database
    from common.store.queue import leases, workers

    database_ = open_database(settings())
    with database_.read() as connection:
        now = database_.now(connection)
        if what == "scheduler":
            lives = leases.is_held(connection, leases.LEADER, now=now)
        else:
            lives = workers.lives(connection, name or socket.gethostname(), now=now)
    say("alive" if lives else "not alive")
    raise typer.Exit(Exit.DONE if lives else Exit.NO)


def doctor(output: Output = Format.TABLE) -> None:
    """Check what this hub needs and say what to do. Exit 1 if anything failed.

    Example: flotilla doctor -o json
    """
    on_this_machine("`flotilla doctor`")
    # Imported late, like all of a hub's own code: most commands never need it.
    from console.cli.doctor import examine

    found = list(examine(settings()))
    if not is_data(output, found):
        table(("check", "state", "", "what to do"), [(f.what, f.state, f.detail, f.remedy) for f in found], empty="")
    raise typer.Exit(Exit.NO if any(one.state == "failed" for one in found) else Exit.DONE)


def up(workers: Annotated[int, typer.Option(min=1, max=2, help="worker processes for planned work")] = 1) -> None:
    """Run a whole hub on this machine: SQLite, a private broker, scheduler, workers, api and Flower.

    Example: FLOTILLA_REGISTRY_URL=https://git.example.com/fleet.git flotilla up
    """
    from console.processes.up import run_up

    run_up(settings(), workers=workers, say=say)


def demo(
    home: Annotated[Path | None, typer.Option(help="made again at each start  [default: ~/.flotilla/demo]")] = None,
    until_synced: Annotated[bool, typer.Option("--until-synced", help="end with 0 once the fleet is synced")] = False,
) -> None:
    """From nothing to a synced fleet of 12 simulated clusters, with everything running.

    Example: flotilla demo
    """
    from console.demo.start import Until, run_demo

    run_demo(home or Path.home() / ".flotilla" / "demo", until=Until.SYNCED if until_synced else Until.STOPPED, say=say)


def token() -> None:
    """Print the hub's own token: the way in while nobody else can administer, and for commands on this machine.

    Example: flotilla token
    """
    on_this_machine("`flotilla token`")
    from console.token import load_or_make_token

    typer.echo(load_or_make_token(settings()))


def keys(
    pool: Annotated[str, typer.Argument(help="whose workers they are for")],
    file: Annotated[Path | None, typer.Option(help="write them here, for you alone")] = None,
) -> None:
    """Print the keys of one pool's messages, with which its workers sign for no other pool.

    Run it with the scheduler's variables.

    Example: flotilla keys eu --file eu.keys
    """
    from common.broker.keys import message_keys

    text = message_keys(settings()).of(pool).to_text()
    if file is None:
        typer.echo(text, nl=False)
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


@database.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to this version's schema; safe to run again.

    Example: flotilla db upgrade
    """
    from common.store.engine.session import open_database
    from common.store.engine.upgrade import upgrade

    opened = open_database(settings())
    opened.wait()
    for role in upgrade(opened):
        say(f"{role} is no pool's, and may change nothing any more. If a pool's workers use it:")
        say(f"  flotilla db grant POOL --role {role}")
    say("The database is up to date.")


@database.command("grant")
def grant_pool(
    pool: Annotated[str, typer.Argument(help="whose workers use the role")],
    role: Annotated[str, typer.Option(help="the role's name; else flotilla_worker_POOL")] = "",
    password_file: Annotated[Path | None, typer.Option(help="what the role logs in with")] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="take all rights from the role instead")] = False,
) -> None:
    """Give a pool's workers a database role that reaches their pool and no other (PostgreSQL).

    Run it as the tables' owner, after `flotilla db upgrade`; safe to run again.

    Example: flotilla db grant eu --password-file /run/secrets/database_password_eu
    """
    from common.store.engine import roles
    from common.store.engine.session import open_database

    opened = open_database(settings())
    opened.wait()
    name = role or roles.default_role(pool)
    with opened.write() as connection:
        if revoke:
            known = roles.pools(connection).get(name) == pool and roles.revoke(connection, name)
            say(f"{name} reaches nothing any more." if known else f"{name} is no role of pool {pool}.")
            return
        password = password_file.read_text(encoding="utf-8").strip() if password_file is not None else ""
        roles.grant(connection, pool, name, password=password)
    say(f"{name} is the role of pool {pool}: FLOTILLA_DATABASE_URL of its workers names it.")


@database.command("prune")
def prune_database(
    older_than: Annotated[str, typer.Option(metavar="DAYS", help="such as 90d; else FLOTILLA_RETENTION")] = "",
) -> None:
    """Delete history that is old, as the scheduler does every hour; safe to stop and to run again.

    Run it as the tables' owner; the hub may work meanwhile.

    Example: flotilla db prune --older-than 90d
    """
    from common.store.engine.session import Bounds, open_database
    from common.store.events import audit
    from common.store.queue import retention
    from console.token import ACTOR

    days = re.fullmatch(r"([0-9]{1,5})d", older_than)
    if older_than and days is None:
        message = "give a number of days, such as 90d"
        raise typer.BadParameter(message, param_hint="--older-than")
    keep = timedelta(days=int(days[1])) if days else settings().retention
    opened = open_database(settings(), bounds=Bounds(statement=_LONGEST_DELETION))
    deleted: Counter[str] = Counter()
    with ExitStack() as stack:
        stack.callback(opened.dispose)
        opened.wait()
        for batch in retention.prune(opened, keep=keep):
            deleted.update(batch)
        gone = {name: rows for name, rows in sorted(deleted.items()) if rows}
        detail = {"older_than_days": keep.days, "deleted": gone}
        with opened.write() as connection:
            now = opened.now(connection)
            audit.append(connection, audit.Deed(ACTOR, "prune", "*", project="", detail=detail), now=now)
    rows = [(name.replace("_", " "), str(number)) for name, number in gone.items()]
    table(("deleted", "rows"), rows, empty=f"Nothing that may go is older than {keep.days} days.")
