"""First contact: nothing is written to a cluster before it was told who it is."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from common.domain.approvals import OURS, ApprovalKind
from common.domain.codes import ApprovalReason
from common.domain.fleet import Cluster
from common.domain.holds import Hold
from common.domain.status import NONE, Reason
from common.store.engine.session import Database
from common.store.state import approvals, clusters
from common.store.state.approvals import Subject
from workers.kube import Connection

_recorded: WeakKeyDictionary[Connection, str] = WeakKeyDictionary()
"""Identities recorded since each connection was made; a new connection asks again."""


def check_identity(database: Database, cluster: Cluster, connection: Connection) -> Reason:
    """Return why nothing may be written to the cluster on the other end; ``NONE`` when it may.

    Raises:
        TransientError: it does not say who it is.
        PermanentError: its credentials do not suffice to ask.
    """
    identity = connection.identity()
    if _recorded.get(connection) == identity:
        return NONE
    version = connection.version()
    with database.write() as transaction:
        now = database.now(transaction)
        blocked = clusters.record_identity(transaction, cluster.name, identity)
        expire_at = connection.credentials_expire_at
        clusters.record_reached(transaction, cluster.name, version=version, expire_at=expire_at, now=now)
        if blocked.code == Hold.IDENTITY_CHANGED:
            payload = {"identity": identity}
            reason = Reason(ApprovalReason.IDENTITY, {"server": cluster.server})
            kind, subject = ApprovalKind.IDENTITY, Subject(cluster.name, project="", asked_by=OURS)
            approvals.ask(transaction, kind, subject, payload=payload, reason=reason, now=now)
    if not blocked:
        _recorded[connection] = identity
    return blocked
