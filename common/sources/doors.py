"""What resolves and opens the sources of one kind on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from common.credentials import CredentialsProvider
from common.domain.commits import Passage
from common.sources.artifacts.remotes import OpenRemote
from common.sources.artifacts.store import ArtifactLimits, Artifacts
from common.sources.mirrors import Fetched
from common.sources.submodules import Allowed
from common.sources.trees import Tree
from common.sources.urls import PlainHttp


class Door(Protocol):
    """Resolves and opens the sources of one kind, and takes no others. Safe to use from several threads."""

    def fetch(self, source: Any) -> Fetched:
        """Ask the server what ``source`` is now, and keep it.

        Raises:
            FlotillaError: it cannot be had; what was kept before stays.
        """
        ...

    def tree(self, source: Any, commit: str, allowed: Allowed | None = None) -> Tree:
        """Return the tree that was ``commit``, fetched if it is not kept.

        Args:
            source: of which it is.
            commit: what it was resolved to.
            allowed: whether another repository that the tree leads to may be read, by its URL; None refuses all.

        Raises:
            FlotillaError: it cannot be had.
        """
        ...

    def history(self, source: Any, commit: str, since: str | None) -> Passage:
        """Return how ``source`` came to ``commit``, which was fetched, from what it was resolved to before.

        Raises:
            FlotillaError: that cannot be told now.
        """
        ...

    def verify(self, source: Any, commit: str, keys: Sequence[str]) -> None:
        """Return if ``commit`` is signed by one of the keys called ``keys``.

        Raises:
            SignatureRefusedError: it is not, or nothing of this kind is signed.
            FlotillaError: that cannot be told.
        """
        ...

    def close(self) -> None:
        """End the processes that read objects."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What doors have from this machine.

    Attributes:
        root: folder of all that is kept; made when needed, mode 0700.
        credentials: asked at each fetch; nothing of the answer is kept.
        plain_http: whether http to loopback is allowed.
        artifacts: limits of what is fetched over HTTP.
    """

    root: Path
    credentials: CredentialsProvider
    plain_http: PlainHttp = PlainHttp.REFUSED
    artifacts: ArtifactLimits = field(default_factory=ArtifactLimits)

    def kept(self, key: str, remote: OpenRemote) -> Artifacts:
        """Return the artifacts of one kind, called ``key``, that ``remote`` opens servers of."""
        folder = self.root / "artifacts" / key
        return Artifacts(folder, self.credentials, remote, plain_http=self.plain_http, limits=self.artifacts)
