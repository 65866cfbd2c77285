"""Names that are known: what a mistyped one may have meant. Read only once something was not found."""

from __future__ import annotations

from sqlalchemy import Connection, select

from common.store.engine.dialect import fixed
from common.store.schema.tables import ApprovalRow, ClusterRow, CommitRow, PlacementRow, SourceRow

_MOST = 20_000


def clusters(connection: Connection) -> tuple[str, ...]:
    """Return the names of clusters, of those too that are no longer declared."""
    return tuple(connection.execute(select(ClusterRow.name).limit(_MOST)).scalars())


def applications(connection: Connection) -> tuple[str, ...]:
    """Return the names of applications that are placed somewhere, or were."""
    return tuple(connection.execute(select(PlacementRow.application).distinct().limit(_MOST)).scalars())


def applications_on(connection: Connection, cluster: str) -> tuple[str, ...]:
    """Return the names of applications that are placed on a cluster."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.state != "left")
    return tuple(connection.execute(select(PlacementRow.application).where(*mine).limit(_MOST)).scalars())


def repositories(connection: Connection) -> tuple[str, ...]:
    """Return the repositories that the fleet follows."""
    return tuple(connection.execute(select(SourceRow.repo).where(SourceRow.used).distinct().limit(_MOST)).scalars())


def versions(connection: Connection) -> tuple[str, ...]:
    """Return the tags and versions that sources were resolved to, those of the newest commits alone."""
    named = select(CommitRow.version).where(CommitRow.version != fixed("")).order_by(CommitRow.id.desc())
    return tuple(dict.fromkeys(connection.execute(named.limit(_MOST)).scalars()))


def open_approvals(connection: Connection) -> tuple[int, ...]:
    """Return the numbers of what waits for a person."""
    mine = select(ApprovalRow.id).where(ApprovalRow.state == "open").order_by(ApprovalRow.id)
    return tuple(connection.execute(mine.limit(_MOST)).scalars())
