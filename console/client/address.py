"""Where the hub is: what the command was told, else the environment, else the current context, else this machine.

It reads what most commands need of the settings without what reads them all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from common.domain.errors import PermanentError
from console.client.contexts import LOCAL, Context, Contexts, checked_server, checked_token, load

VARIABLES = ("FLOTILLA_SERVER", "FLOTILLA_TOKEN_FILE", "FLOTILLA_CA_FILE", "FLOTILLA_CONTEXT")
"""Of the environment; the hub's own settings do not have them."""
_RENAMED = "FLOTILLA_API_URL"


class AddressSettingsError(PermanentError):
    """What says where the hub is contradicts itself, or says it as it was said once."""

    code = "hub.address"


class ElsewhereError(PermanentError):
    """The hub is on another machine, and this works on the hub's own."""

    code = "hub.elsewhere"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the command line says; empty is nothing.

    Attributes:
        server: the hub's address.
        context: the name of one.
        ca_file: certificates that the hub is verified by.
    """

    server: str = ""
    context: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A hub.

    Attributes:
        home: of the hub on this machine.
        server: address of a hub elsewhere; empty is this machine's.
        context: by which name it was found; empty for none.
        token: to be shown; empty where the file has it.
        token_file: holds the token; None for none.
        ca_file: certificates that the hub is verified by; None for the system's.
    """

    home: Path
    server: str = ""
    context: str = ""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    ca_file: Path | None = None

    @property
    def socket(self) -> Path:
        """Where a running hub's API listens, for its own user alone."""
        return self.home / "run" / "api.sock"

    def shown_token(self) -> str:
        """Return the token.

        Raises:
            ContextError: there is none in the file.
            OSError: the file cannot be read.
        """
        return self.token if self.token_file is None else checked_token(self.token_file.read_text())


_chosen = Chosen()


def choose(chosen: Chosen) -> None:
    """Say what the command line says of the hub, for all that ask for one in this process."""
    global _chosen
    _chosen = chosen


def address() -> Address:
    """Return where the hub is.

    Raises:
        PermanentError: what says it contradicts itself, or is not safe.
    """
    home, given = _home(), os.environ
    if given.get(_RENAMED):
        message = f"{_RENAMED} is no setting any more"
        raise AddressSettingsError(message, remedy="Set FLOTILLA_SERVER and FLOTILLA_TOKEN_FILE instead.")
    if _chosen.server and _chosen.context:
        message = "--server and --context exclude each other"
        raise AddressSettingsError(message)
    if _chosen.context or (not _chosen.server and given.get("FLOTILLA_CONTEXT")):
        return _by_name(home, _chosen.context or given["FLOTILLA_CONTEXT"], load())
    if _chosen.server or given.get("FLOTILLA_SERVER"):
        return _by_server(home)
    # Whoever names the folder of a hub here means that hub, whatever the file says.
    if given.get("FLOTILLA_HOME") is not None:
        return _here(home)
    known = load()
    return _by_name(home, known.current, known)


def on_this_machine(what: str) -> None:
    """Refuse to go on where the hub is elsewhere.

    Args:
        what: works on the hub's own machine alone, as the beginning of a sentence.

    Raises:
        ElsewhereError: it is.
    """
    found = address()
    if found.server:
        message = f"{what} works on the hub's own machine, and the hub is {found.server}"
        raise ElsewhereError(message, remedy="Run it there; `--context local` is the hub on this machine.")


def _home() -> Path:
    given = os.environ.get("FLOTILLA_HOME")
    return Path(given) if given is not None else Path.home() / ".flotilla"


def _here(home: Path) -> Address:
    token = os.environ.get("FLOTILLA_API_TOKEN_FILE")
    return Address(home, token_file=Path(token) if token else home / "api.token")


def _by_name(home: Path, name: str, known: Contexts) -> Address:
    if name == LOCAL:
        return _here(home)
    return _of(home, known.named(name))


def _of(home: Path, one: Context) -> Address:
    ca_file = Path(_chosen.ca_file) if _chosen.ca_file else one.ca_file
    return Address(home, one.server, one.name, one.token, one.token_file, ca_file)


def _by_server(home: Path) -> Address:
    """Return a hub by its address: with the environment's token if that is for it, else with its context's."""
    named = os.environ.get("FLOTILLA_SERVER", "")
    server = checked_server(_chosen.server or named)
    token_file = os.environ.get("FLOTILLA_TOKEN_FILE")
    ca_file = _chosen.ca_file or os.environ.get("FLOTILLA_CA_FILE", "")
    # A token goes to the hub that it was given for: the variable's to the variable's server, where that is set.
    if token_file and (not named or checked_server(named) == server):
        return Address(home, server, token_file=Path(token_file), ca_file=Path(ca_file) if ca_file else None)
    known = load().of_server(server)
    found = _of(home, known) if known else Address(home, server)
    return found if not ca_file else Address(home, server, found.context, found.token, found.token_file, Path(ca_file))
