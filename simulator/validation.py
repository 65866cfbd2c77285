"""The refusals for objects that are well formed but wrong: missing fields, bad values, fields that may not change."""

from __future__ import annotations

from typing import Any

from simulator import errors
from simulator.errors import Cause
from simulator.kinds import Kind

Json = dict[str, Any]


def check(kind: Kind, live: Json | None, new: Json) -> None:
    """Return if the object may be stored.

    Raises:
        ApiError: 422 with every fault.
    """
    causes: list[Cause] = []
    if causes:
        raise errors.invalid(kind.subject(new["metadata"]["name"]), causes)
