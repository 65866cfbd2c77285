"""What a webhook is refused for."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

from console.api.contract.errors import RequestError


class HookRefusedError(RequestError):
    """A webhook does not prove where it comes from, or there is no hook of its name: which of them is not told."""

    code: ClassVar[str] = "webhook.refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("the webhook is not proved", remedy="compare its name and its secret with the hub's")


class HookUnreadableError(RequestError):
    """A proved webhook has a body that is no JSON object."""

    code: ClassVar[str] = "webhook.unreadable"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class HooksBusyError(RequestError):
    """More webhooks come than are read, or one comes too slowly."""

    code: ClassVar[str] = "webhook.busy"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    headers = MappingProxyType({"Retry-After": "10", "Connection": "close"})

    def __init__(self) -> None:
        super().__init__("webhooks come too fast, or this one too slowly", remedy="send it again in a while")
