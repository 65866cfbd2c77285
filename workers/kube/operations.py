"""Changes that a person makes to a running object, as a field manager of their own.

What this manager sets is no field of ours, so that a later apply neither takes it back nor calls it drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from workers.kube.cluster import headers_of
from workers.kube.errors import from_answer
from workers.kube.paths import item, with_query
from workers.kube.patience import Permit
from workers.kube.pool import Connection
from workers.sync.objects.live import MANAGER, LiveMeta
from workers.sync.ports import Target

OPERATOR = f"{MANAGER}-operate"
"""The field manager."""
_MERGE = {"Content-Type": "application/merge-patch+json"}


class Operations:
    """Writes to the objects of one placement.

    Args:
        connection: to the cluster.
        agent: User-Agent of the requests.
        account: user in whose name they are made; empty for the connection's own.
        permit: asked before each write; raises where it may not be.
    """

    def __init__(self, connection: Connection, agent: str, account: str, permit: Permit) -> None:
        self._connection = connection
        self._headers = {**headers_of(agent, account), **_MERGE}
        self._permit = permit

    @property
    def request_timeout(self) -> timedelta:
        """Longest that one write may take."""
        return self._connection.request_timeout

    def merge(self, target: Target, patch: Mapping[str, Any], seen: LiveMeta, *, subresource: str) -> None:
        """Carry out a JSON merge patch on an object that is still as it was read.

        Args:
            target: the object.
            patch: of its fields.
            seen: its metadata as it was read.
            subresource: that is written to; empty for the object itself.

        Raises:
            TransientError: it was changed since, or nobody knows whether it was carried out.
            PermanentError: the account may not, or the cluster refuses it.
            LeaseLostError: ``permit`` does not allow it.
        """
        path = item(target) + (f"/{subresource}" if subresource else "")
        metadata = {**patch.get("metadata", {}), "resourceVersion": seen.resource_version, "uid": seen.uid}
        self._permit(self.request_timeout)
        url = with_query(path, fieldManager=OPERATOR)
        answer = self._connection.send(
            "PATCH", url, self._headers, {**patch, "metadata": metadata}, permit=self._permit
        )
        if not answer.ok:
            raise from_answer(answer.status, answer.headers, answer.body, f"PATCH {path}")
