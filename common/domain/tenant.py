"""In whose name a placement is written, whose that makes its objects, and what proves it later. Pure.

A removal may come once its application is gone: then it goes by what is kept with the placement, which whoever may
write to the database could rewrite. So that is signed, with a key that is not in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common.domain.fleet import DEFAULT_PROJECT
from common.domain.refs import PlacementRef

_PURPOSE = b"flotilla removals"
"""Keeps these signatures apart from all else that is made with a hub's key, such as digests of what tenants write."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose a placement is.

    Attributes:
        project: its name.
        account: user in whose name objects are written, as API servers call it; empty for the hub's own.
    """

    project: str
    account: str


def owner_of(noted: str | None, projects: Collection[str]) -> str:
    """Return the project that a placement's objects belong to; empty where no project has a claim to them.

    None has a claim where it was not recorded who wrote them, nor where that was before the registry had projects: who
    introduces projects would otherwise hand over every placement of a fleet by hand.

    Args:
        noted: project in whose name they were written last; None where that is not known.
        projects: of the registry in force.
    """
    before_projects = noted == DEFAULT_PROJECT.name and noted not in projects
    return "" if noted is None or before_projects else noted


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs what the removal of one placement goes by.

    Attributes:
        key: of the hub; the pool's whose workers write the placement.
        ref: of the placement.
        mark: value of its ownership label.
    """

    key: bytes = field(repr=False)
    ref: PlacementRef
    mark: str

    def sign(self, tenant: Tenant, hooks: Sequence[Mapping[str, Any]]) -> str:
        """Return the signature, 64 hex digits.

        Args:
            tenant: in whose name the placement is written.
            hooks: manifests of its removal.
        """
        key = hmac.digest(self.key, _PURPOSE, hashlib.sha256)
        where = [self.ref.cluster, self.ref.application, self.mark]
        return hmac.digest(key, _canonical([where, tenant.project, tenant.account, list(hooks)]), hashlib.sha256).hex()

    def proves(self, signature: str, tenant: Tenant, hooks: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether this is the signature of what is kept."""
        # As bytes: comparing texts fails on whatever is not ASCII.
        return hmac.compare_digest(self.sign(tenant, hooks).encode(), signature.encode())


def _canonical(value: Any) -> bytes:
    return json.dumps(_stored(value), sort_keys=True, separators=(",", ":")).encode()


def _stored(value: Any) -> Any:
    """Return JSON as it comes back from a database: PostgreSQL keeps the decimal number, and not how it was written."""
    match value:
        case dict():
            return {name: _stored(each) for name, each in value.items()}
        case list() | tuple():
            return [_stored(each) for each in value]
        case float() if value.is_integer():
            return int(Decimal(repr(value)))
    return value
