"""Which artifact a source means now, whatever kind of server keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from common.credentials import Credential
from common.domain.errors import FlotillaError
from common.semver import Partial, RangeError, VersionRange
from common.sources.artifacts.archives import ArchiveLimits, Files
from common.sources.artifacts.faults import VersionMissingError, VersionRefusedError
from common.sources.artifacts.web import Web
from common.sources.urls import PlainHttp


@dataclass(frozen=True, slots=True)
class Found:
    """One artifact.

    Attributes:
        commit: sha256 (hex) that names it for ever: of its manifest in a registry, of its archive, or of its files.
        files: downloads and unpacks it, and returns what it holds.
        version: by which people call it; empty for none.
    """

    commit: str
    files: Callable[[], Files] = field(repr=False)
    version: str = ""


class Remote(Protocol):
    """What keeps the artifacts of one source."""

    def wanted(self) -> Found:
        """Return what the source means now."""
        ...

    def exact(self, commit: str) -> Found:
        """Return the artifact that was ``commit``."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """What a remote asks with, for one fetch.

    Attributes:
        web: asks.
        credential: to sign in with; empty for anonymous.
        plain_http: whether http to loopback is allowed.
        limits: of what is unpacked.
        folder: of the source's place, for what is remembered between looks; there once the remote is asked.
    """

    web: Web
    credential: Credential
    plain_http: PlainHttp
    limits: ArchiveLimits
    folder: Path


OpenRemote = Callable[[Any, Asking], Remote]
"""Returns the remote of a source of its kind; raises a PermanentError where it must not be asked."""


def highest(versions: Iterable[str], text: str, *, where: str, partial: Partial = Partial.LAST) -> str:
    """Return the highest of ``versions`` in a range.

    Raises:
        VersionRefusedError: it is no range.
        VersionMissingError: there is none in it.
    """
    try:
        found = VersionRange(text).highest(versions, partial=partial)
    except RangeError as error:
        raise VersionRefusedError(str(error), remedy="Write it as in '>=1.8 <2' or '^1.2'.") from error
    if found is None:
        raise no_version(where, f"version in {text}")
    return found


def no_version(where: str, wanted: str) -> FlotillaError:
    """Return the fault that nothing published is what was wanted."""
    message = f"{where} has no {wanted}"
    return VersionMissingError(message, remedy="Publish it, or correct the source's version.")
