"""Standard Webhooks: for whatever has no kind of its own, such as a step of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import Request, Secret, member, texts
from console.api.hooks.proofs import standard_signed


class Standard:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``."""

    name = "standard"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether a signature is right, and of now."""
        return standard_signed(request, secret)

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield ``{"data": {"repository": URL, "ref": REF}}``, where no ref stands for all."""
        addresses = texts(member(payload, "data", "repository"))
        if addresses:
            yield Push(addresses, texts(member(payload, "data", "ref")))
