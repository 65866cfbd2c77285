"""Sources: which are followed, what each was last resolved to, and what each application's footprint holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, tuple_, update

from common.domain.addresses import repository_key
from common.domain.reasons import sentence
from common.domain.refs import SourceRef
from common.domain.revisions import RendererVersion, each_once
from common.domain.status import NONE, Reason
from common.sources.kinds import source_ref
from common.store.engine.dialect import batched, insert
from common.store.schema.tables import SourceDigestRow, SourceRow
from common.store.state.stored_reasons import columns_of, reason_in
from common.store.state.stored_sources import renderers_in, texts_of


@dataclass(frozen=True, slots=True)
class Source:
    """One source to follow.

    Attributes:
        commit: what it was last resolved to; None before.
        resolved_snapshot_id: the fleet snapshot whose applications the digests were computed for.
    """

    id: int
    ref: SourceRef
    pool: str
    commit: str | None
    resolved_snapshot_id: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What one application's footprint holds; without a ``digest``, ``error`` says why.

    Attributes:
        source_id: the source.
        application: the application.
        commit: first commit that gave this digest.
        digest: sha256 hex; empty when the footprint could not be read.
        renderers: of what is in it, each once.
        resolved_at: when that was stored; None of one that is not stored yet.
        error: why the footprint could not be read; ``NONE`` where it could.
    """

    source_id: int
    application: str
    commit: str
    digest: str
    renderers: tuple[RendererVersion, ...]
    error: Reason = NONE
    resolved_at: datetime | None = field(default=None, compare=False)


def follow(connection: Connection, wanted: Mapping[SourceRef, str], *, now: datetime) -> None:
    """Make exactly these sources (each with its pool) the followed ones; new ones, and all, are due at once."""
    rows = [
        {"repo": ref.repo, "credentials": ref.credentials, "ref": ref.text, "pool": pool, "used": True, "due_at": now}
        for ref, pool in sorted(wanted.items())
    ]
    for batch in batched(rows):
        statement = insert(connection, SourceRow)
        known = {"used": True, "pool": statement.excluded.pool, "due_at": now}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["repo", "credentials", "ref"], set_=known), batch
        )
    keys = [ref.key for ref in wanted]
    unused = update(SourceRow).where(tuple_(SourceRow.repo, SourceRow.credentials, SourceRow.ref).not_in(keys))
    connection.execute((unused if keys else update(SourceRow)).values(used=False))


def ids(connection: Connection) -> dict[SourceRef, int]:
    """Return the followed sources' ids; one of a kind that is not known here is left out."""
    query = select(SourceRow.id, SourceRow.repo, SourceRow.credentials, SourceRow.ref).where(SourceRow.used)
    rows = ((id_, source_ref(repo, credentials, ref)) for id_, repo, credentials, ref in connection.execute(query))
    return {ref: id_ for id_, ref in rows if ref is not None}


def errors(connection: Connection) -> dict[int, str]:
    """Return why followed sources could not be looked at, by id; those that could are left out."""
    columns = (SourceRow.id, SourceRow.error_code, SourceRow.error_params)
    query = select(*columns).where(SourceRow.used, SourceRow.error_code != "")
    return {row.id: sentence(reason_in(row, "error")) for row in connection.execute(query)}


def get(connection: Connection, source_id: int) -> Source | None:
    """Return one source; None where there is none, or none of a kind that is known here."""
    row = connection.execute(select(*SourceRow.__table__.c).where(SourceRow.id == source_id)).one_or_none()
    return None if row is None else _source(row)


def due(
    connection: Connection, *, snapshot_id: int, resend_before: datetime, limit: int, now: datetime
) -> tuple[Source, ...]:
    """Return followed sources that are due and were not sent since ``resend_before``, longest due first.

    One whose last resolution was for another fleet snapshot is due too: that began before the snapshot came, and knows
    nothing of its new applications.
    """
    unsent = or_(SourceRow.sent_at.is_(None), SourceRow.sent_at < resend_before)
    outdated = and_(SourceRow.failures == 0, SourceRow.resolved_snapshot_id != snapshot_id)
    query = select(*SourceRow.__table__.c).where(SourceRow.used, or_(SourceRow.due_at <= now, outdated), unsent)
    found = (_source(row) for row in connection.execute(query.order_by(SourceRow.due_at).limit(limit)))
    return tuple(source for source in found if source is not None)


def mark_sent(connection: Connection, source_ids: Sequence[int], *, now: datetime) -> None:
    """Note that these sources' resolve messages are about to be sent."""
    connection.execute(update(SourceRow).where(SourceRow.id.in_(source_ids)).values(sent_at=now))


def forget_sent(connection: Connection, source_ids: Sequence[int] | None = None) -> None:
    """Note that the broker has not got these (all when None): they are to be sent again."""
    lost = update(SourceRow) if source_ids is None else update(SourceRow).where(SourceRow.id.in_(source_ids))
    connection.execute(lost.values(sent_at=None))


def postpone(connection: Connection, source_id: int, *, until: datetime) -> None:
    """Have a source looked at then: it could not be now."""
    connection.execute(update(SourceRow).where(SourceRow.id == source_id).values(due_at=until, sent_at=None))


def refresh(connection: Connection, repo: str = "", *, now: datetime) -> int:
    """Make one repository's sources, however spelled (all when empty), due at once; return how many.

    A look that is under way may have read the repository before: it is followed by another.
    """
    mine = update(SourceRow).where(SourceRow.used)
    if repo:
        followed = connection.execute(select(SourceRow.repo).where(SourceRow.used).distinct()).scalars()
        spellings = [one for one in followed if repository_key(one) == repository_key(repo)]
        mine = mine.where(SourceRow.repo.in_(spellings))
    return len(connection.execute(mine.values(due_at=now, sent_at=None, poked_at=now).returning(SourceRow.id)).all())


def digests(connection: Connection) -> dict[tuple[int, str], Digest]:
    """Return the digests of followed sources by source and application."""
    query = select(*SourceDigestRow.__table__.c).join(SourceRow, SourceRow.id == SourceDigestRow.source_id)
    return {(row.source_id, row.application): _digest(row) for row in connection.execute(query.where(SourceRow.used))}


def digests_named(connection: Connection, applications: Sequence[str]) -> dict[tuple[int, str], Digest]:
    """Return the digests of these applications by source and application."""
    query = select(*SourceDigestRow.__table__.c)
    found = (connection.execute(query.where(SourceDigestRow.application.in_(some))) for some in batched(applications))
    return {(row.source_id, row.application): _digest(row) for rows in found for row in rows}


def digests_of(connection: Connection, source_id: int) -> dict[str, Digest]:
    """Return one source's digests by application."""
    query = select(*SourceDigestRow.__table__.c).where(SourceDigestRow.source_id == source_id)
    return {row.application: _digest(row) for row in connection.execute(query)}


def renderers_of(
    connection: Connection, application: str, wanted: Sequence[SourceRef]
) -> tuple[RendererVersion, ...] | None:
    """Return what renders an application's sources; None where one was never resolved for it."""
    joined = select(SourceRow.repo, SourceRow.credentials, SourceRow.ref, SourceDigestRow.renderers).join(
        SourceDigestRow, SourceDigestRow.source_id == SourceRow.id
    )
    rows = connection.execute(joined.where(SourceDigestRow.application == application))
    known = {source_ref(repo, credentials, ref): renderers_in(stored) for repo, credentials, ref, stored in rows}
    if any(source not in known for source in wanted):
        return None
    return each_once(one for source in wanted for one in known[source])


def change_marker(connection: Connection) -> tuple[Any, ...]:
    """Return a value that differs whenever a digest, the set of them, or what is wrong with a source has changed.

    By source: two sources' resolutions may be committed in another order than they are dated, and the latest date of
    all would hide the one that came late. Those of one source follow each other under its lease.
    """
    changed = func.max(SourceDigestRow.resolved_at)
    query = select(SourceDigestRow.source_id, changed, func.count()).group_by(SourceDigestRow.source_id)
    dated = sorted(tuple(row) for row in connection.execute(query))
    return (tuple(dated), tuple(sorted(errors(connection).items())))


def store_resolution(  # noqa: PLR0913 - one row's worth of facts
    connection: Connection,
    source_id: int,
    *,
    commit: str,
    snapshot_id: int,
    found: Sequence[Digest],
    began: datetime,
    next_at: datetime,
    now: datetime,
) -> None:
    """Store what a source was resolved to and the digests that changed; unchanged ones keep their commit and time.

    Args:
        connection: to write with.
        source_id: the source.
        commit: it was resolved to.
        snapshot_id: of the fleet that the digests are of.
        found: all digests.
        began: when the look began; one that was asked for since is due at once.
        next_at: when the next look is due otherwise.
        now: the instant.
    """
    known = digests_of(connection, source_id)
    kept = [_kept(known.get(digest.application), digest) for digest in found]
    changed = [digest for digest in kept if digest != known.get(digest.application)]
    for batch in batched([_digest_row(digest, now) for digest in changed]):
        statement = insert(connection, SourceDigestRow)
        new = statement.excluded
        renewed = {c: new[c] for c in ("commit", "digest", "renderers", "error_code", "error_params", "resolved_at")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id", "application"], set_=renewed), batch
        )
    values = {
        "commit": commit,
        "resolved_snapshot_id": snapshot_id,
        "resolved_at": now,
        "checked_at": now,
        "due_at": _due(began, next_at),
        "sent_at": None,
        "failures": 0,
        **columns_of("error", NONE),
    }
    connection.execute(update(SourceRow).where(SourceRow.id == source_id).values(values))


def store_unchanged(
    connection: Connection, source_id: int, *, began: datetime, next_at: datetime, now: datetime
) -> None:
    """Note that the source was looked at and is where it was; instants as those of ``store_resolution``."""
    values = {
        "checked_at": now,
        "due_at": _due(began, next_at),
        "sent_at": None,
        "failures": 0,
        **columns_of("error", NONE),
    }
    connection.execute(update(SourceRow).where(SourceRow.id == source_id).values(values))


def store_failure(connection: Connection, source_id: int, error: Reason, *, began: datetime, next_at: datetime) -> None:
    """Note that the source could not be resolved; what it was last resolved to stays."""
    values = {**columns_of("error", error), "due_at": _due(began, next_at), "sent_at": None}
    mine = update(SourceRow).where(SourceRow.id == source_id)
    connection.execute(mine.values(**values, failures=SourceRow.failures + 1))


def _due(began: datetime, next_at: datetime) -> ColumnElement[datetime]:
    """Return when a source is due again: at once where it was asked for since its look began."""
    return case((SourceRow.poked_at > began, SourceRow.poked_at), else_=next_at)


def _kept(known: Digest | None, found: Digest) -> Digest:
    """Return the row to be: an unreadable footprint keeps the last good digest, an equal one its first commit."""
    if known is None:
        return found
    if not found.digest:
        return replace(found, commit=known.commit, digest=known.digest, renderers=known.renderers)
    if (found.digest, found.renderers) == (known.digest, known.renderers):
        return replace(found, commit=known.commit)
    return found


def _digest_row(digest: Digest, now: datetime) -> dict[str, Any]:
    return {
        "source_id": digest.source_id,
        "application": digest.application,
        "commit": digest.commit,
        "digest": digest.digest,
        "renderers": texts_of(digest.renderers),
        **columns_of("error", digest.error),
        "resolved_at": now,
    }


def _source(row: Any) -> Source | None:
    ref = source_ref(row.repo, row.credentials, row.ref)
    return None if ref is None else Source(row.id, ref, row.pool, row.commit, row.resolved_snapshot_id, row.failures)


def _digest(row: Any) -> Digest:
    error = reason_in(row, "error")
    renderers = renderers_in(row.renderers)
    return Digest(row.source_id, row.application, row.commit, row.digest, renderers, error, row.resolved_at)
