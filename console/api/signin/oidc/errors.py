"""Why an identity provider's word did not let somebody in."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from console.api.contract.errors import RequestError


class ProviderSilentError(RequestError):
    """The identity provider does not answer, or not as OpenID Connect has it."""

    code: ClassVar[str] = "oidc.provider"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_GATEWAY
    said: str = ""
    """The code of RFC 6749, section 5.2, with which it said no; empty where it gave none."""


class NotVouchedError(RequestError):
    """What came back from the identity provider does not prove who somebody is."""

    code: ClassVar[str] = "oidc.refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED


class LoginLostError(RequestError):
    """An answer of the identity provider belongs to no sign-in that this browser began, or to one of long ago."""

    code: ClassVar[str] = "oidc.state"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


def refused(why: str) -> NotVouchedError:
    """Return the error of a word that does not count."""
    return NotVouchedError(f"the identity provider's answer does not count: {why}", remedy="sign in again")
