"""What a credential is, and what turns references into credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from common.domain.errors import PermanentError
from common.domain.refs import is_credentials_reference

Credential = Mapping[str, bytes]
LARGEST = 1 << 20
"""Bytes of one value."""


class CredentialsMissingError(PermanentError):
    """No provider knows the reference."""

    code: ClassVar[str] = "credentials.missing"

    def __init__(self, ref: str, *, where: str) -> None:
        super().__init__(
            f"credentials {ref!r} were not found in {where}",
            remedy="Store them there, or correct the reference in the registry.",
        )


class CredentialsRefusedError(PermanentError):
    """The reference or what it names must not be used."""

    code: ClassVar[str] = "credentials.refused"


class CredentialsProvider(Protocol):
    """Turns references into credentials. Safe to call from several threads; nothing is logged."""

    def get(self, ref: str) -> Credential:
        """Return what ``ref`` (such as ``git/team-pay``) names.

        Raises:
            CredentialsMissingError: this provider does not know it.
            CredentialsRefusedError: the reference is malformed, or what it names is not safely kept.
            TransientError: the provider could not be reached.
        """
        ...


def checked_reference(ref: str) -> str:
    """Return ``ref`` if it is one: segments of letters, digits and ``._-`` with slashes between, no dot first.

    Raises:
        CredentialsRefusedError: it is something else, such as a way out of the provider's folder.
    """
    if not is_credentials_reference(ref):
        message = f"{ref[:80]!r} is not a credentials reference"
        raise CredentialsRefusedError(message, remedy="Write a name such as git/team-pay.")
    return ref
