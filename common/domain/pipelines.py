"""What pipelines of a CI may do: a token that it signs says whose they are, and a Project whom it lets in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.domain.fleet import Fleet
from common.domain.fleet.projects import CiRule
from common.domain.rights import NOTHING, Grants, granted


def grants_of_pipeline(issuer: str, claims: Mapping[str, Any], fleet: Fleet) -> Grants:
    """Return what a pipeline may do now.

    Args:
        issuer: of its token, which was found to be signed by it.
        claims: of that token.
        fleet: in force.
    """
    return NOTHING.and_also(
        granted(rule.can, project.name)
        for project in fleet.projects.values()
        for rule in project.ci
        if rule.issuer == issuer and _matches(rule, claims)
    )


def _matches(rule: CiRule, claims: Mapping[str, Any]) -> bool:
    return bool(rule.claims) and all(_told(claims.get(name)) in wanted for name, wanted in rule.claims)


def _told(value: object) -> str | None:
    """Return a claim as rules spell it; None for what is no one text: a list says of whom it speaks in no order."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int)) else None
