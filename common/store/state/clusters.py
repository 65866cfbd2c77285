"""Clusters: what the registry declares of them, what was found there, and when the next look is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, func, null, or_, select, true, update

from common.domain.fleet import Cluster, ClusterState
from common.domain.holds import Hold
from common.domain.status import NONE, Reason
from common.store.engine.dialect import batched, insert, table_of
from common.store.schema.tables import ClusterRow, Instant
from common.store.state import findings, healths, retries
from common.store.state.stored_reasons import columns_of, reason_in

_OBSERVE, _SWEEP = bindparam("observe", type_=Instant()), bindparam("sweep", type_=Instant())
_ROW = table_of(ClusterRow)
_OBSERVED_SOONER = and_(_OBSERVE.is_not(None), func.coalesce(_ROW.c.observe_due_at > _OBSERVE, true()))
_SWEPT_SOONER = and_(_SWEEP.is_not(None), func.coalesce(_ROW.c.sweep_due_at > _SWEEP, true()))
_LOOK_BY = (
    update(_ROW)
    # Where both are due sooner already nothing is locked: all runs of a cluster that end together come by here.
    .where(_ROW.c.name == bindparam("cluster"), or_(_OBSERVED_SOONER, _SWEPT_SOONER))
    .values(
        observe_due_at=case((_OBSERVED_SOONER, _OBSERVE), else_=_ROW.c.observe_due_at),
        observe_sent_at=case((_OBSERVED_SOONER, null()), else_=_ROW.c.observe_sent_at),
        observe_step=case((_OBSERVED_SOONER, 0), else_=_ROW.c.observe_step),
        sweep_due_at=case((_SWEPT_SOONER, _SWEEP), else_=_ROW.c.sweep_due_at),
        sweep_sent_at=case((_SWEPT_SOONER, null()), else_=_ROW.c.sweep_sent_at),
        sweep_step=case((_SWEPT_SOONER, bindparam("step")), else_=_ROW.c.sweep_step),
    )
)
CONTACTED = (ClusterState.JOINING, ClusterState.ACTIVE, ClusterState.FROZEN, ClusterState.DRAINING)


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What is known of one cluster.

    Attributes:
        identity: UID of its kube-system namespace; None before first contact.
        blocked: why nothing is written there; ``NONE`` when nothing stands in the way.
    """

    name: str
    pool: str
    state: ClusterState
    declared: bool
    identity: str | None
    blocked: Reason
    reachable: bool | None


@dataclass(frozen=True, slots=True)
class DueCluster:
    """A cluster whose sweep or observation should be sent now."""

    name: str
    pool: str


@dataclass(frozen=True, slots=True)
class Looks:
    """When a cluster is looked at next, and how many steps of back-off led there."""

    sweep_due_at: datetime | None
    sweep_step: int
    observe_due_at: datetime | None
    observe_step: int


def declare(connection: Connection, clusters: Sequence[Cluster], *, now: datetime) -> None:
    """Make the rows say what the registry says; those it no longer has stay, undeclared. New ones are due at once.

    What was found on a cluster goes with it to another pool: that one's workers find it again, and may write no row of
    others.
    """
    rows = [
        {
            "name": cluster.name,
            "declared": not cluster.removed,
            "state": cluster.state,
            "pool": cluster.pool,
            "server": cluster.server,
            "credentials": cluster.credentials,
            "sweep_due_at": now,
        }
        for cluster in clusters
    ]
    query = select(ClusterRow.name, ClusterRow.server, ClusterRow.credentials, ClusterRow.pool)
    before = {row.name: row for row in connection.execute(query)}
    known = [(cluster, before[cluster.name]) for cluster in clusters if cluster.name in before]
    for cluster, was in known:
        if (was.server, was.credentials) != (cluster.server, cluster.credentials):
            retries.cluster_changed(connection, cluster.name, now=now)
    for batch in batched(rows):
        statement = insert(connection, ClusterRow)
        changing = ("declared", "state", "pool", "server", "credentials")
        values = {column: statement.excluded[column] for column in changing}
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values), batch)
    for cluster, was in known:
        if was.pool != cluster.pool:
            findings.rehome(connection, cluster.name, pool=cluster.pool)
    names = [cluster.name for cluster in clusters]
    connection.execute(update(ClusterRow).where(ClusterRow.name.not_in(names)).values(declared=False))
    _judge_identities(connection)


def facts(connection: Connection) -> dict[str, ClusterFacts]:
    """Return all clusters by name."""
    query = select(
        ClusterRow.name,
        ClusterRow.pool,
        ClusterRow.state,
        ClusterRow.declared,
        ClusterRow.identity,
        ClusterRow.reachable,
        ClusterRow.blocked_code,
        ClusterRow.blocked_params,
    )
    return {
        row.name: ClusterFacts(
            name=row.name,
            pool=row.pool,
            state=ClusterState(row.state),
            declared=row.declared,
            identity=row.identity,
            blocked=reason_in(row, "blocked"),
            reachable=row.reachable,
        )
        for row in connection.execute(query)
    }


def get(connection: Connection, name: str) -> ClusterFacts | None:
    """Return one cluster; None where there is none."""
    return facts(connection).get(name)


def record_identity(connection: Connection, name: str, uid: str) -> Reason:
    """Record who answers at a cluster's address; return why nothing may be written there, ``NONE`` when it may.

    The first answer fixes the identity. Another one later, or one that another cluster has, blocks.
    """
    row = connection.execute(select(ClusterRow.identity).where(ClusterRow.name == name).with_for_update()).one()
    if row.identity is None:
        connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(identity=uid))
    elif row.identity != uid:
        changed = Reason(Hold.IDENTITY_CHANGED, {"identity": uid, "was": row.identity})
        connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(columns_of("blocked", changed)))
        return changed
    else:
        back = (ClusterRow.name == name, ClusterRow.blocked_code == Hold.IDENTITY_CHANGED.value)
        connection.execute(update(ClusterRow).where(*back).values(columns_of("blocked", NONE)))
    _judge_identities(connection)
    columns = (ClusterRow.blocked_code, ClusterRow.blocked_params)
    return reason_in(connection.execute(select(*columns).where(ClusterRow.name == name)).one(), "blocked")


def accept_identity(connection: Connection, name: str, uid: str, *, now: datetime) -> None:
    """Take another identity as the cluster's, as a person approved, and let it be written to again."""
    retries.cluster_changed(connection, name, now=now)
    connection.execute(
        update(ClusterRow).where(ClusterRow.name == name).values(identity=uid, **columns_of("blocked", NONE))
    )
    _judge_identities(connection)


def _judge_identities(connection: Connection) -> None:
    """Block clusters that turned out to be one and the same; free those that no longer are."""
    known = (ClusterRow.declared, ClusterRow.identity.is_not(None), ClusterRow.state != ClusterState.RETIRED)
    shared = select(ClusterRow.identity).where(*known).group_by(ClusterRow.identity).having(func.count() > 1)
    twins: dict[str, list[str]] = {}
    for name, identity in connection.execute(
        select(ClusterRow.name, ClusterRow.identity)
        .where(*known, ClusterRow.identity.in_(shared))
        .order_by(ClusterRow.name)
    ):
        twins.setdefault(str(identity), []).append(name)
    blocked = {
        name: Reason(Hold.SAME_CLUSTER, {"others": [other for other in names if other != name]})
        for names in twins.values()
        for name in names
    }
    free = update(ClusterRow).where(ClusterRow.blocked_code == Hold.SAME_CLUSTER.value, ClusterRow.name.not_in(blocked))
    connection.execute(free.values(columns_of("blocked", NONE)))
    for name, reason in blocked.items():
        mine = update(ClusterRow).where(ClusterRow.name == name, ClusterRow.blocked_code != Hold.IDENTITY_CHANGED.value)
        connection.execute(mine.values(columns_of("blocked", reason)))


def record_reached(
    connection: Connection, name: str, *, version: str, expire_at: datetime | None, now: datetime
) -> None:
    """Note that the cluster answered, and when the credentials by which it did expire; None is never, or unknown.

    What waits for a change of it is tried again where it has another version than before.
    """
    before = connection.execute(select(ClusterRow.version).where(ClusterRow.name == name)).scalar()
    if before and before != version:
        retries.cluster_changed(connection, name, now=now)
    values = {
        "reachable": True,
        **columns_of("error", NONE),
        "version": version,
        "credentials_expire_at": expire_at,
        "last_seen_at": now,
    }
    connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(values))


def record_unreached(connection: Connection, name: str, error: Reason) -> None:
    """Note that the cluster did not answer, or not as a cluster does; when it last did stays."""
    values = {"reachable": False, **columns_of("error", error)}
    connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(values))


def due_sweeps(connection: Connection, *, resend_before: datetime, limit: int, now: datetime) -> tuple[DueCluster, ...]:
    """Return clusters whose sweep is due and was not sent since ``resend_before``, longest due first."""
    unsent = or_(ClusterRow.sweep_sent_at.is_(None), ClusterRow.sweep_sent_at < resend_before)
    query = (
        select(ClusterRow.name, ClusterRow.pool)
        .where(ClusterRow.sweep_due_at <= now, unsent, ClusterRow.state.in_(CONTACTED))
        .order_by(ClusterRow.sweep_due_at)
    )
    return tuple(DueCluster(name, pool) for name, pool in connection.execute(query.limit(limit)))


def due_observations(
    connection: Connection, *, resend_before: datetime, limit: int, now: datetime
) -> tuple[DueCluster, ...]:
    """Return clusters whose observation is due and was not sent since ``resend_before``, longest due first."""
    unsent = or_(ClusterRow.observe_sent_at.is_(None), ClusterRow.observe_sent_at < resend_before)
    query = (
        select(ClusterRow.name, ClusterRow.pool)
        .where(ClusterRow.observe_due_at <= now, unsent, ClusterRow.state.in_(CONTACTED))
        .order_by(ClusterRow.observe_due_at)
    )
    return tuple(DueCluster(name, pool) for name, pool in connection.execute(query.limit(limit)))


def looks_under_way(connection: Connection, *, since: datetime) -> dict[str, int]:
    """Return how many sweeps and observations each pool was sent after ``since`` and has not yet seen done.

    What was sent before is due to be sent again: were it counted, lost messages would take up the room for ever.
    """
    counted: dict[str, int] = {}
    for sent in (ClusterRow.sweep_sent_at, ClusterRow.observe_sent_at):
        query = select(ClusterRow.pool, func.count()).where(sent >= since).group_by(ClusterRow.pool)
        for pool, count in connection.execute(query):
            counted[pool] = counted.get(pool, 0) + count
    return counted


def mark_sweeps_sent(connection: Connection, names: Sequence[str], *, now: datetime) -> list[str]:
    """Note that these clusters' sweeps are about to be sent; return those that are due still, which are to be sent.

    One may have ended since it was found to be due. Marked all the same, the next would not be sent for minutes.
    """
    due = update(ClusterRow).where(ClusterRow.name.in_(names), ClusterRow.sweep_due_at <= now)
    return list(connection.scalars(due.values(sweep_sent_at=now).returning(ClusterRow.name)))


def mark_observations_sent(connection: Connection, names: Sequence[str], *, now: datetime) -> list[str]:
    """Note that these clusters' observations are about to be sent; return those that are due still, as of sweeps."""
    due = update(ClusterRow).where(ClusterRow.name.in_(names), ClusterRow.observe_due_at <= now)
    return list(connection.scalars(due.values(observe_sent_at=now).returning(ClusterRow.name)))


def forget_sent(connection: Connection) -> None:
    """Note that the broker has lost everything: whatever was sent is to be sent again."""
    connection.execute(update(ClusterRow).values(sweep_sent_at=None, observe_sent_at=None))


def unsend_looks(connection: Connection, *, sweeps: Sequence[str], observations: Sequence[str]) -> None:
    """Note that these could not be sent after all."""
    connection.execute(update(ClusterRow).where(ClusterRow.name.in_(sweeps)).values(sweep_sent_at=None))
    connection.execute(update(ClusterRow).where(ClusterRow.name.in_(observations)).values(observe_sent_at=None))


def sweep_now(connection: Connection, names: Sequence[str] | None = None, *, now: datetime) -> None:
    """Make the sweeps of these clusters (all when None) due at once."""
    statement = update(ClusterRow) if names is None else update(ClusterRow).where(ClusterRow.name.in_(names))
    connection.execute(statement.values(sweep_due_at=now, sweep_sent_at=None))


def look_by(
    connection: Connection,
    name: str,
    *,
    observe_at: datetime | None = None,
    sweep_at: datetime | None = None,
    step: int = 0,
) -> None:
    """Have the cluster's health looked at, and the cluster swept, by these instants at the latest; None leaves it.

    Args:
        connection: of a writing transaction.
        name: of the cluster.
        observe_at: when its health is looked at.
        sweep_at: when it is swept.
        step: how soon the sweep after that one follows.
    """
    connection.execute(_LOOK_BY, {"cluster": name, "observe": observe_at, "sweep": sweep_at, "step": step})


def looks_due(connection: Connection, name: str) -> Looks | None:
    """Return when a cluster's sweep and observation are due; None where there is no such cluster."""
    columns = (ClusterRow.sweep_due_at, ClusterRow.sweep_step, ClusterRow.observe_due_at, ClusterRow.observe_step)
    row = connection.execute(select(*columns).where(ClusterRow.name == name)).one_or_none()
    return None if row is None else Looks(*row)


def swept(connection: Connection, name: str, *, next_at: datetime, step: int, now: datetime) -> None:
    """Note a sweep that ended, and when the next is due."""
    values = {"swept_at": now, "sweep_due_at": next_at, "sweep_sent_at": None, "sweep_step": step}
    connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(values))


def sweep_later(connection: Connection, name: str, *, next_at: datetime) -> None:
    """Note a sweep that could not be made, and when to try again; ``swept_at`` stays."""
    connection.execute(
        update(ClusterRow).where(ClusterRow.name == name).values(sweep_due_at=next_at, sweep_sent_at=None)
    )


def postpone_looks(connection: Connection, name: str, *, until: datetime) -> None:
    """Have what was sent and is due looked at then: it could not be now."""
    row = _ROW.c
    for due_at, sent_at in ((row.sweep_due_at, row.sweep_sent_at), (row.observe_due_at, row.observe_sent_at)):
        mine = update(_ROW).where(row.name == name, sent_at.is_not(None), due_at <= until)
        connection.execute(mine.values({due_at: until, sent_at: None}))


def observed(connection: Connection, name: str, *, again_at: datetime, step: int) -> None:
    """Note an observation that ended, and that the next is due at ``again_at`` if anything is awaited by then.

    A run that ends writes what it awaits before it writes to this row, which is locked here before that is read.
    """
    mine = ClusterRow.name == name
    connection.execute(select(ClusterRow.name).where(mine).with_for_update()).all()
    goes_on = healths.awaited_on(connection, name)
    values = {"observe_due_at": again_at if goes_on else None, "observe_step": step if goes_on else 0}
    connection.execute(update(ClusterRow).where(mine).values(values | {"observe_sent_at": None}))


def not_observed(connection: Connection, name: str) -> None:
    """Note an observation that could not be made: none is due before a sweep has reached the cluster."""
    values = {"observe_due_at": None, "observe_sent_at": None, "observe_step": 0}
    connection.execute(update(ClusterRow).where(ClusterRow.name == name).values(values))
