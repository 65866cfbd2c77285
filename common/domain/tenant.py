"""In whose name a placement is written. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose a placement is.

    Attributes:
        project: its name.
        account: user in whose name objects are written, as API servers call it; empty for the hub's own.
    """

    project: str
    account: str
