"""``flotilla``: one command for everything a person does.

A command's module is imported when it is run: a call costs what that command needs, and no more.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from common.domain.errors import FlotillaError, capitalised
from common.domain.foreign import said
from common.domain.names import suggestion
from console.cli.exits import Exit
from console.cli.options import ANY_OPTIONS
from console.cli.output import paint, say, warn
from console.client.address import Chosen, choose, on_this_machine
from console.errors import HubUnreachableError

FLEET = "The fleet"
REGISTRY = "The registry"
PROCESSES = "Processes"


class Entry(NamedTuple):
    """A command: where its function, or its group, is, and the line of help that stands beside its name."""

    name: str
    module: str
    attribute: str
    panel: str
    help: str
    context: dict[str, Any] | None = None


COMMANDS = (
    Entry("status", "status", "status", FLEET, "Show the fleet in counts, then what is wrong, the worst first."),
    Entry("why", "why", "why", FLEET, "Say why a placement is as it is, and what to do next."),
    Entry("commit", "commit", "commit", FLEET, "Say who has a commit, who waits for what, and who failed."),
    Entry("versions", "versions", "versions", FLEET, "Show which version of an application runs where."),
    Entry("compare", "compare", "compare", FLEET, "Show in what two placements differ."),
    Entry("explain", "registry", "explain", FLEET, "Show where a placement comes from."),
    Entry("tree", "inspect", "tree", FLEET, "Show what a placement owns on its cluster now."),
    Entry("logs", "inspect", "logs", FLEET, "Show what the pods of a placement wrote."),
    Entry("runs", "runs", "runs", FLEET, "List runs, newest first."),
    Entry("run", "runs", "run", FLEET, "Show one run: each attempt and what it did."),
    Entry("events", "events", "events", FLEET, "Show what came about, the latest last, or follow it."),
    Entry("audit", "audit", "audit", FLEET, "Show who did what, the latest first."),
    Entry("diff", "diff", "diff", FLEET, "Show what a sync would change now."),
    Entry("drift", "reports", "drift", FLEET, "Show what drifted over the fleet."),
    Entry("orphans", "reports", "orphans", FLEET, "List what is on clusters and is not in Git."),
    Entry("sync", "writes", "sync", FLEET, "Have a placement synced now."),
    Entry("operate", "inspect", "operate", FLEET, "Act on a running object of a placement."),
    Entry("refresh", "writes", "refresh", FLEET, "Have Git looked at now."),
    Entry("pause", "writes", "pause", FLEET, "Give a placement no more runs by itself."),
    Entry("resume", "writes", "resume", FLEET, "Let a paused placement go on."),
    Entry("approvals", "writes", "approvals", FLEET, "List what waits for a person."),
    Entry("approve", "writes", "approve", FLEET, "Allow exactly what an approval lists."),
    Entry("reject", "writes", "reject", FLEET, "Refuse what waits."),
    Entry("cluster", "cluster", "app", FLEET, "Take clusters in, renew their tokens, check them."),
    Entry("init", "offline", "init", REGISTRY, "Write a starting registry with comments."),
    Entry("validate", "offline", "validate", REGISTRY, "Check a registry: every fault with its file and line."),
    Entry("plan", "plan", "plan", REGISTRY, "Show what committing a registry would change."),
    Entry("render", "inspect", "render", REGISTRY, "Print manifests as they would be applied."),
    Entry("schema", "offline", "schema", REGISTRY, "Print the registry's JSON Schemas."),
    Entry("health", "health", "health", REGISTRY, "Say how healthy objects are."),
    Entry("import", "importing", "app", REGISTRY, "Turn other tools' objects into registry documents."),
    Entry("demo", "processes", "demo", PROCESSES, "From nothing to a synced fleet of 12 simulated clusters."),
    Entry("doctor", "processes", "doctor", PROCESSES, "Check what this hub needs and say what to do."),
    Entry("up", "processes", "up", PROCESSES, "Run a whole hub on this machine."),
    Entry("scheduler", "processes", "scheduler", PROCESSES, "Run a scheduler.", ANY_OPTIONS),
    Entry("worker", "processes", "worker", PROCESSES, "Run a worker."),
    Entry("api", "processes", "api", PROCESSES, "Serve the hub's API and pages."),
    Entry("flower", "processes", "flower", PROCESSES, "Run Flower, read-only."),
    Entry("alive", "processes", "alive", PROCESSES, "Say whether a scheduler leads, or this host's worker lives."),
    Entry("user", "people", "user", PROCESSES, "Who may sign in."),
    Entry("tokens", "people", "tokens", PROCESSES, "Tokens for programs."),
    Entry("sessions", "people", "sessions", PROCESSES, "Browsers that have signed in."),
    Entry("login", "login", "login", PROCESSES, "Sign this command line in at a hub elsewhere."),
    Entry("mcp", "mcp", "mcp", PROCESSES, "Serve the hub's answers to assistants."),
    Entry("contexts", "contexts", "app", PROCESSES, "Hubs by name, and which one is asked."),
    Entry("token", "processes", "token", PROCESSES, "Print the hub's own token."),
    Entry("keys", "processes", "keys", PROCESSES, "Print the keys of one pool's messages."),
    Entry("simulator", "simulator", "app", PROCESSES, "Clusters to practise on."),
    Entry("db", "processes", "database", PROCESSES, "The hub's database."),
)
OF_THIS_MACHINE = frozenset(
    {"demo", "doctor", "up", "scheduler", "worker", "api", "flower", "alive", "token", "keys", "simulator", "db"}
)
"""Commands that start, or look at, what is here; they refuse a hub elsewhere."""
_BY_NAME = {entry.name: entry for entry in COMMANDS}


def load(name: str) -> Any:
    """Return a command with all its options; its module is imported now."""
    entry = _BY_NAME[name]
    found = getattr(import_module(f"console.cli.{entry.module}"), entry.attribute)
    command: Any
    if isinstance(found, typer.Typer):
        command = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        settings = {"help_option_names": ["-h", "--help"], **(entry.context or {})}
        alone.command(name, context_settings=settings)(found)
        command = get_command(alone)
    command.name = name
    _reflow(command)
    return command


def _reflow(command: Any) -> None:
    """Join the lines of each paragraph of help, which a terminal breaks again."""
    for each in (command, *getattr(command, "commands", {}).values()):
        paragraphs = inspect.cleandoc(each.help or "").split("\n\n")
        each.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


class Commands(TyperGroup):
    """Knows its commands by name and one line; all else is loaded with the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Return the names, in the order of the help."""
        return list(_BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class's signature
        """Return what a list of commands shows of one."""
        entry = _BY_NAME.get(cmd_name)
        if entry is None:
            return None
        shown = typer.core.TyperCommand(name=entry.name, help=entry.help, rich_help_panel=entry.panel)
        shown.params = []
        return shown

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name, loaded."""
        if args and args[0] not in _BY_NAME and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}; {suggestion(args[0], _BY_NAME)}")
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name is not None and command is not None else command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Write the commands under the heading of what they are about."""
        for panel in (FLEET, REGISTRY, PROCESSES):
            with formatter.section(panel):
                formatter.write_dl([(entry.name, entry.help) for entry in COMMANDS if entry.panel == panel])


app = typer.Typer(
    name="flotilla",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # What draws boxes around help and usage errors takes longer to import than most commands to run.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 the answer is no (something is wrong, a request refused, a failed run); 2 usage; "
    "3 the hub is out of reach.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"flotilla {version('flotilla')}")
        raise typer.Exit


@app.callback()
def flotilla(
    ctx: typer.Context,
    server: Annotated[str, typer.Option(metavar="URL", help="ask this hub; its token is its context's")] = "",
    context: Annotated[str, typer.Option(metavar="NAME", help="ask the hub of this context")] = "",
    ca_file: Annotated[str, typer.Option("--ca", metavar="FILE", help="verify that hub by these certificates")] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """GitOps for fleets: keeps Kubernetes clusters equal to Git, and every attempt on record."""
    choose(Chosen(server, context, ca_file))
    if (server or context) and ctx.invoked_subcommand in OF_THIS_MACHINE:
        on_this_machine(f"`flotilla {ctx.invoked_subcommand}`")


def main() -> None:
    """Run the command line; errors end as one readable message and a documented exit code."""
    try:
        app()
    except FlotillaError as error:
        paint((f"error: {error.message}", "red"), err=True)
        if error.remedy:
            warn(f"       {capitalised(error.remedy)}")
        sys.exit(Exit.UNREACHABLE if isinstance(error, HubUnreachableError) else Exit.NO)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        paint((f"error: {where}{said(error)}", "red"), err=True)
        sys.exit(Exit.NO)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
