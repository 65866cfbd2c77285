"""Where the hub is, from the environment: all that most commands need of the settings, without what reads them all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """The settings of the same names.

    Attributes:
        home: of the hub on this machine.
        url: of a hub elsewhere; empty is the local one.
        token_file: holds the token.
    """

    home: Path
    url: str
    token_file: Path

    @property
    def socket(self) -> Path:
        """Where a running hub's API listens, for its own user alone."""
        return self.home / "run" / "api.sock"


def address() -> Address:
    """Return where the hub is; a test compares it with the settings."""
    given = os.environ.get("FLOTILLA_HOME")
    home = Path(given) if given is not None else Path.home() / ".flotilla"
    token = os.environ.get("FLOTILLA_API_TOKEN_FILE")
    return Address(home, os.environ.get("FLOTILLA_API_URL", ""), Path(token) if token else home / "api.token")
