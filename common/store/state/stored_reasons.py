"""Reasons as columns: each is in two of them, ``NAME_code`` and ``NAME_params``."""

from __future__ import annotations

from typing import Any

from common.domain.status import Reason


def reason_in(row: Any, name: str) -> Reason:
    """Return the reason of that name in a row that holds at least its columns; false where it is empty."""
    return Reason(getattr(row, f"{name}_code"), params_in(getattr(row, f"{name}_params")))


def params_in(stored: Any) -> dict[str, Any]:
    """Return stored parameters; none where they are no mapping: a pool's role may write anything that is JSON."""
    return stored if isinstance(stored, dict) else {}


def columns_of(name: str, reason: Reason) -> dict[str, Any]:
    """Return what is stored of a reason, by column."""
    return {f"{name}_code": str(reason.code), f"{name}_params": dict(reason.params) or None}
