"""Names that are known in a scope: what a mistyped one may have meant. Read once something was not found."""

from __future__ import annotations

from sqlalchemy import Connection, select

from common.domain.rights import Scope
from common.store.engine.dialect import fixed
from common.store.reads import cut
from common.store.schema.tables import ApprovalRow, ClusterRow, CommitRow, PlacementRow, SourceRow

_MOST = 20_000


def clusters(connection: Connection, scope: Scope) -> tuple[str, ...]:
    """Return the names of clusters, of those too that are no longer declared."""
    here = cut.clusters(scope)
    query = select(ClusterRow.name) if here is None else here.distinct()
    return tuple(connection.execute(query.limit(_MOST)).scalars())


def applications(connection: Connection, scope: Scope) -> tuple[str, ...]:
    """Return the names of applications that are placed somewhere, or were."""
    query = select(PlacementRow.application).where(*cut.within(scope, PlacementRow.project)).distinct()
    return tuple(connection.execute(query.limit(_MOST)).scalars())


def applications_on(connection: Connection, scope: Scope, cluster: str) -> tuple[str, ...]:
    """Return the names of applications that are placed on a cluster."""
    mine = [PlacementRow.cluster == cluster, PlacementRow.state != "left", *cut.within(scope, PlacementRow.project)]
    return tuple(connection.execute(select(PlacementRow.application).where(*mine).limit(_MOST)).scalars())


def repositories(connection: Connection, scope: Scope) -> tuple[str, ...]:
    """Return the repositories that the fleet follows."""
    query = select(SourceRow.repo).where(SourceRow.used, *cut.of_sources(scope, SourceRow.id)).distinct()
    return tuple(connection.execute(query.limit(_MOST)).scalars())


def versions(connection: Connection, scope: Scope) -> tuple[str, ...]:
    """Return the tags and versions that sources were resolved to, those of the newest commits alone."""
    mine = cut.of_sources(scope, CommitRow.source_id)
    named = select(CommitRow.version).where(CommitRow.version != fixed(""), *mine).order_by(CommitRow.id.desc())
    return tuple(dict.fromkeys(connection.execute(named.limit(_MOST)).scalars()))


def open_approvals(connection: Connection, scope: Scope) -> tuple[int, ...]:
    """Return the numbers of what waits for a person."""
    which = (ApprovalRow.state == "open", *cut.within(scope, ApprovalRow.project))
    mine = select(ApprovalRow.id).where(*which).order_by(ApprovalRow.id)
    return tuple(connection.execute(mine.limit(_MOST)).scalars())
