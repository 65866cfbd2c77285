"""How many of a process's connections may be streams, which stay: of one viewer, and of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from console.api.contract.errors import StreamsError, StreamsFullError


@dataclass(frozen=True, slots=True)
class Share:
    """How many streams there may be.

    Attributes:
        in_all: of everybody; half the connections of a process, so that requests have the others.
        of_source: from one address; fewer than its connections, for the same reason.
        of_viewer: of one viewer, by all that they have signed in with; a browser needs one, however many its tabs.
    """

    in_all: int = 768
    of_source: int = 96
    of_viewer: int = 32


class Shares:
    """The open streams of one process; used by one event loop.

    Args:
        share: how many there may be.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._by_viewer: Counter[str] = Counter()
        self._by_source: Counter[str] = Counter()

    def take(self, actor: str, source: str) -> None:
        """Count one more stream of a viewer at an address; whoever counts one says ``give_back`` in the end.

        Raises:
            StreamsError: the viewer, or their address, has too many.
            StreamsFullError: all together have.
        """
        one, source_has = self._by_viewer[actor], self._by_source[source]
        if one >= self._share.of_viewer or source_has >= self._share.of_source:
            whose = f"you have {one}" if one >= self._share.of_viewer else f"your address has {source_has}"
            message = f"{whose} event streams open"
            raise StreamsError(message, remedy="Close some: one is enough for all of a browser's tabs.")
        if self._by_viewer.total() >= self._share.in_all:
            message = "this process has as many event streams open as it serves"
            raise StreamsFullError(message, remedy="Try again later.")
        self._by_viewer[actor] += 1
        self._by_source[source] += 1

    def give_back(self, actor: str, source: str) -> None:
        """Count one stream less."""
        for counted, one in ((self._by_viewer, actor), (self._by_source, source)):
            counted[one] -= 1
            if not counted[one]:
                del counted[one]
