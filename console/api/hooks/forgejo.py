"""Forgejo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.github import repository_pushes
from console.api.hooks.kind import Request, Secret
from console.api.hooks.proofs import hex_signed


class Forgejo:
    """``X-Forgejo-Signature``: HMAC-SHA256 of the body."""

    name = "forgejo"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether the signature is right."""
        return hex_signed(request, secret, "x-forgejo-signature")

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield a push, or the creation of a ref."""
        yield from repository_pushes(payload)
