"""Somebody's groups, as their identity provider tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.domain.membership import Ungrouped

MOST_GROUPS = 1_000
_LONGEST_GROUP = 500


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[tuple[str, ...], str]:
    """Return somebody's groups, and, where they are not known, why as a code: never some of them."""
    told = claims.get(name)
    if moved_away(claims, name):
        return (), Ungrouped.OVERAGE
    if told is None:
        return (), Ungrouped.MISSING
    groups = [told] if isinstance(told, str) else told
    if (
        not isinstance(groups, list)
        or len(groups) > MOST_GROUPS
        or not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_GROUP for one in groups)
    ):
        return (), Ungrouped.MALFORMED
    return tuple(dict.fromkeys(groups)), ""


def moved_away(claims: Mapping[str, Any], name: str) -> bool:
    """Return whether groups are told elsewhere (OpenID Connect Core, section 5.6.2), as Entra does with over 200."""
    elsewhere = claims.get("_claim_names")
    return (isinstance(elsewhere, dict) and name in elsewhere) or bool(claims.get("hasgroups"))
