"""Exit codes, the same for every command."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on."""

    DONE = 0
    NO = 1
    """The answer is no: faults, drift, a failed run, an unhealthy check."""
    USAGE = 2
    UNREACHABLE = 3
    """The hub cannot be reached, or does not let us in."""
