"""What containers wrote. Reads only, and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from workers.kube.cluster import headers_of
from workers.kube.errors import from_answer
from workers.kube.paths import item, with_query
from workers.kube.pool import Connection
from workers.sync.errors import AddressError
from workers.sync.objects.live import Kind
from workers.sync.objects.segments import is_label
from workers.sync.ports import Target

_POD = Kind("", "v1", "Pod", "pods", namespaced=True)
_FEWER = 8
"""By how many times fewer lines are asked for where so many are too long."""
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a log is wanted.

    Attributes:
        container: of the pod.
        lines: the last ones.
        limit: bytes.
        previous: whether of the container before its last restart.
        since: how far back; None for all the way.
    """

    container: str
    lines: int
    limit: int
    previous: bool = False
    since: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """What a container wrote last; ``cut`` says that less came than was wanted, since that was too much."""

    raw: bytes
    cut: bool


class Logs:
    """Logs of one cluster.

    Args:
        connection: to it.
        agent: User-Agent of the requests.
        account: user in whose name they are made; empty for the connection's own.
    """

    def __init__(self, connection: Connection, agent: str, account: str) -> None:
        self._connection = connection
        self._headers = headers_of(agent, account)

    def read(self, namespace: str, pod: str, wanted: Wanted) -> Log:
        """Return the last lines of a log, or fewer of them where so many are more than the limit.

        An API server cuts what is too much at its end, where the newest is.

        Raises:
            TransientError: the cluster could not say.
            PermanentError: the account may not read them, or no node has them.
        """
        lines = wanted.lines
        while True:
            found = self._read(namespace, pod, wanted, lines)
            if len(found) < wanted.limit or lines <= _FEWEST:
                return Log(found[: wanted.limit], len(found) >= wanted.limit or lines < wanted.lines)
            lines = max(_FEWEST, lines // _FEWER)

    def _read(self, namespace: str, pod: str, wanted: Wanted, lines: int) -> bytes:
        if not is_label(wanted.container):
            message = f"{wanted.container[:80]!r} is no container"
            raise AddressError(message)
        path = f"{item(Target(_POD, namespace, pod))}/log"
        answer = self._connection.send("GET", with_query(path, **_query(wanted, lines)), self._headers)
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, f"GET {path}")
        return answer.body


def _query(wanted: Wanted, lines: int) -> Mapping[str, str]:
    since = "" if wanted.since is None else str(max(1, int(wanted.since.total_seconds())))
    return {
        "container": wanted.container,
        "tailLines": str(lines),
        "limitBytes": str(wanted.limit),
        "previous": "true" if wanted.previous else "",
        "sinceSeconds": since,
    }
