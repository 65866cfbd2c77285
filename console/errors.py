"""What commands fail with, however they reach the hub."""

from __future__ import annotations

from common.domain.errors import TransientError


class HubUnreachableError(TransientError):
    """The hub does not answer, or does not let us in."""

    code = "hub.unreachable"
