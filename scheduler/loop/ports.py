"""What the loops need from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from common.domain.commits import Passage
from common.domain.refs import GitRef


class Sender(Protocol):
    """Puts messages into the broker."""

    def send(self, task: str, subject: str, *, queue: str) -> None:
        """Send one message: the task's name and an id, nothing else.

        Raises:
            BrokerUnavailableError: it could not be sent.
        """
        ...

    def backlog(self, queue: str) -> frozenset[tuple[str, str]]:
        """Return task and id of what is in a queue, that no worker has taken yet. Raises as ``send``."""
        ...

    def epoch(self) -> str | None:
        """Return what the broker's epoch key holds; None after a wipe. Raises as ``send``."""
        ...

    def set_epoch(self, epoch: str) -> None:
        """Write the epoch key. Raises as ``send``."""
        ...

    def prove(self) -> None:
        """Return if the broker takes writes. Raises as ``send``."""
        ...


class Repository(Protocol):
    """Reads the registry's repository."""

    def head(self, source: GitRef) -> str:
        """Return the commit that the ref is at now, fetched.

        Raises:
            FlotillaError: transient or permanent, see ``common.sources``.
        """
        ...

    def history(self, source: GitRef, commit: str, since: str | None) -> Passage:
        """Return how the ref came to ``commit`` from what it was before; None for a first look. Raises as ``head``."""
        ...

    def files(self, source: GitRef, commit: str, folder: str) -> Mapping[str, bytes]:
        """Return the registry files below ``folder`` at a commit, by path from there. Raises as ``head``."""
        ...
