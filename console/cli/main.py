"""``flotilla``: one command for everything a person does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from common.domain.errors import FlotillaError
from console.cli import (
    cluster,
    diff,
    health,
    hub,
    importing,
    looking,
    offline,
    plan,
    processes,
    registry,
    reports,
    simulator,
)
from console.cli.client import HubUnreachableError
from console.cli.exits import Exit
from console.cli.output import errors, say

app = typer.Typer(
    name="flotilla",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 the answer is no (faults, drift, a failed run); 2 usage; 3 the hub is out of reach.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"flotilla {version('flotilla')}")
        raise typer.Exit


@app.callback()
def flotilla(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """GitOps for fleets: keeps Kubernetes clusters equal to Git, and every attempt on record."""


FLEET = "The fleet"
REGISTRY = "The registry"
PROCESSES = "Processes"
_FLEET_COMMANDS: tuple[Callable[..., None], ...] = (
    hub.status,
    registry.explain,
    looking.tree,
    hub.runs,
    hub.run,
    diff.diff,
    reports.drift,
    reports.orphans,
    hub.sync,
    hub.refresh,
    hub.pause,
    hub.resume,
    hub.approvals,
    hub.approve,
    hub.reject,
)
_REGISTRY_COMMANDS: tuple[Callable[..., None], ...] = (
    offline.init,
    offline.validate,
    plan.plan,
    looking.render,
    offline.schema,
    health.health,
)
_PROCESS_COMMANDS: tuple[Callable[..., None], ...] = (
    processes.demo,
    processes.doctor,
    processes.up,
    processes.worker,
    processes.api,
    processes.flower,
    processes.alive,
    processes.token,
)
for command in _FLEET_COMMANDS:
    app.command(rich_help_panel=FLEET)(command)
for command in _REGISTRY_COMMANDS:
    app.command(rich_help_panel=REGISTRY)(command)
for command in _PROCESS_COMMANDS:
    app.command(rich_help_panel=PROCESSES)(command)
app.command(rich_help_panel=PROCESSES, context_settings=processes.ANY_OPTIONS)(processes.scheduler)
app.add_typer(cluster.app, name="cluster", rich_help_panel=FLEET)
app.add_typer(importing.app, name="import", rich_help_panel=REGISTRY)
app.add_typer(simulator.app, name="simulator", rich_help_panel=PROCESSES)
app.add_typer(processes.database, name="db", rich_help_panel=PROCESSES)


def main() -> None:
    """Run the command line; errors end as one readable message and a documented exit code."""
    try:
        app()
    except FlotillaError as error:
        errors.print(f"error: {error.message}", style="red", markup=False, highlight=False)
        if error.remedy:
            errors.print(f"       {error.remedy}", markup=False, highlight=False)
        sys.exit(Exit.UNREACHABLE if isinstance(error, HubUnreachableError) else Exit.NO)
    except OSError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(Exit.NO)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
