"""What the registry declares, and what we know of each cluster."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, BigId, Code, Params, Text


class FleetRow(Base):
    """The one fleet of this hub; its name is fixed at first start, because every ownership mark holds it."""

    __tablename__ = "fleet"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(63))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("fleet_snapshots.id"))
    """The snapshot in force; none until a first registry commit was accepted."""
    seen_commit: Mapped[str | None] = mapped_column(String(64))
    """The registry's head as last parsed, accepted or not."""
    checked_at: Mapped[datetime | None]
    """When the registry was last reached."""
    broker_epoch: Mapped[str | None] = mapped_column(String(36))
    """What the broker's epoch key held when we set it; another value, or none, reveals a wipe."""
    poked_at: Mapped[datetime | None]
    """When a look at anything was last asked for by a push."""
    registry_poked_at: Mapped[datetime | None]
    """When a look at the registry was."""
    created_at: Mapped[datetime]


class FleetSnapshotRow(Base):
    """The documents in force after one registry commit: each at that commit, or at its last good version."""

    __tablename__ = "fleet_snapshots"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    commit: Mapped[str] = mapped_column(String(64))
    documents: Mapped[dict[str, Any]]
    """``common.registry.Documents`` in its JSON form."""
    created_at: Mapped[datetime]


class FaultRow(Base):
    """Something wrong that a person should see: of the registry, a source, a cluster, or a message."""

    __tablename__ = "faults"
    __table_args__ = (
        UniqueConstraint("scope", "digest"),
        Index(
            "ix_faults_open",
            "scope",
            "id",
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index(
            "ix_faults_project",
            "project",
            "scope",
            "id",
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index(
            "ix_faults_cleared",
            "cleared_at",
            "id",
            sqlite_where=text("cleared_at IS NOT NULL"),
            postgresql_where=text("cleared_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(200))
    """``registry``, ``source:ID``, ``cluster:NAME``, ``placement:CLUSTER/APP`` or ``message``."""
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """Whose it is: of a placement, or of the one project in whose folders the file is; empty for what several share."""
    digest: Mapped[str] = mapped_column(String(64))
    """sha256 of what makes it the same fault again."""
    code: Mapped[str] = mapped_column(String(80))
    file: Mapped[str] = mapped_column(Text, default="")
    line: Mapped[int] = mapped_column(default=0)
    params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    """What its sentence is made with, and that of what to do about it."""
    commit: Mapped[str] = mapped_column(String(64), default="")
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]


class ClusterRow(Base):
    """Facts about a cluster, which live here and not in Git; and when its next sweep and look are due."""

    __tablename__ = "clusters"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    declared: Mapped[bool]
    """False once the document is gone from the registry: treated as frozen."""
    state: Mapped[str] = mapped_column(String(16))
    pool: Mapped[str] = mapped_column(String(63))
    server: Mapped[str] = mapped_column(Text)
    credentials: Mapped[str] = mapped_column(String(253))
    identity: Mapped[str | None] = mapped_column(String(64), index=True)
    """UID of kube-system, recorded at first contact."""
    blocked_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why nothing is written there, see ``Hold``; empty when nothing stands in the way."""
    blocked_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    reachable: Mapped[bool | None]
    """None until a first contact was tried."""
    error_code: Mapped[str] = mapped_column(Code(80), default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    version: Mapped[str] = mapped_column(String(64), default="")
    last_seen_at: Mapped[datetime | None]
    credentials_expire_at: Mapped[datetime | None]
    sweep_due_at: Mapped[datetime | None] = mapped_column(index=True)
    sweep_sent_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    sweep_step: Mapped[int] = mapped_column(default=0)
    """How many heals in a row brought the next sweep forward (10, 30, 90 s, then the interval)."""
    observe_due_at: Mapped[datetime | None] = mapped_column(index=True)
    observe_sent_at: Mapped[datetime | None]
    observe_step: Mapped[int] = mapped_column(default=0)


class PoolRoleRow(Base):
    """Which database role belongs to the workers of which pool; who has none here reaches no row of any pool's."""

    __tablename__ = "pool_roles"

    role: Mapped[str] = mapped_column(String(63), primary_key=True)
    pool: Mapped[str] = mapped_column(String(63))


class SourceRow(Base):
    """One (repository, credentials, ref) that some placement follows, and what it was last resolved to."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("repo", "credentials", "ref"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repo: Mapped[str] = mapped_column(Text)
    credentials: Mapped[str] = mapped_column(String(253))
    ref: Mapped[str] = mapped_column(String(253))
    pool: Mapped[str] = mapped_column(String(63))
    """Which workers can reach it: the pool of the first cluster that needs it."""
    used: Mapped[bool]
    """False once nothing in the fleet follows it any more."""
    commit: Mapped[str | None] = mapped_column(String(64))
    resolved_snapshot_id: Mapped[int | None]
    """The snapshot whose applications the digests were computed for."""
    resolved_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    due_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    poked_at: Mapped[datetime | None] = mapped_column(index=True)
    """When a look was last asked for, or, where that was shortly after another, when it will be."""
    failures: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str] = mapped_column(Code(80), default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)


class SourceDigestRow(Base):
    """What one application's footprint holds at the commit its source was resolved to."""

    __tablename__ = "source_digests"
    __table_args__ = (Index("ix_source_digests_application", "application"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True)
    application: Mapped[str] = mapped_column(String(63), primary_key=True)
    commit: Mapped[str] = mapped_column(String(64))
    """The first commit that gave this digest: the provenance of the revision."""
    digest: Mapped[str] = mapped_column(String(64), default="")
    """Empty when the footprint could not be read; then ``error`` says why, and the last good revision stays."""
    renderers: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Names and versions of what renders it, each once."""
    error_code: Mapped[str] = mapped_column(Code(80), default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    resolved_at: Mapped[datetime]


class CommitRow(Base):
    """A commit that a source, or the registry's own repository, was resolved to or passed; the newest of each alone.

    Ids follow each other as the commits of one source do: what has a commit has all of its source below it, but for
    those that were lost before.
    """

    __tablename__ = "commits"
    __table_args__ = (
        Index("ix_commits_source", "source_id", "id"),
        Index("ix_commits_commit", "commit", "id"),
        Index(
            "ix_commits_version",
            "version",
            "id",
            sqlite_where=text("version <> ''"),
            postgresql_where=text("version <> ''"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    """None for the registry's own repository."""
    commit: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(Code(253), default="", server_default="")
    """By which people call it: a tag, or the version of a chart."""
    at: Mapped[datetime | None]
    author: Mapped[str] = mapped_column(Code(200), default="", server_default="")
    subject: Mapped[str] = mapped_column(Code(300), default="", server_default="")
    seen_at: Mapped[datetime]
    lost_at: Mapped[datetime | None]
    """When it was seen to lead to what the source is no longer: history was rewritten, or a tag moved."""
