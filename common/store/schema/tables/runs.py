"""Runs, attempts, leases and what each did: the history that never changes once it has ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import BESIDE, Base, BigId, Code, Params, Text, Uuid

_UNSENT = "state = 'queued' AND sent_at IS NULL"
TAIL = "substr(CAST(id AS TEXT), 25)"
"""Of a run's id the last twelve digits: the part that runs made together do not share."""
_WRITES, _CHECKS = "trigger <> 'check'", "trigger = 'check'"


def _partial(name: str, *columns: str, where: str, unique: bool = False, beside: bool = False) -> Index:
    info = {BESIDE: True} if beside else None
    return Index(name, *columns, unique=unique, info=info, sqlite_where=text(where), postgresql_where=text(where))


class RunRow(Base):
    """One decision to bring a placement to a revision: what was decided, and, once it has ended, how.

    Between the two it has a row in ``open_runs``, which says how it stands. Frozen by a trigger once it has an outcome.
    On PostgreSQL history lies in partitions by month, see ``common.store.engine.months``.
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="time_at_end"),
        _partial("ix_runs_ended", "ended_at", "id", where="ended_at IS NOT NULL"),
        Index("ix_runs_history", "placement_id", "id"),
        Index("ix_runs_cluster", "cluster", "id"),
        Index("ix_runs_application", "application", "id"),
        Index("ix_runs_project", "project", "id", info={BESIDE: True}),
        _partial("ix_runs_unsuccessful", "id", where="outcome <> 'succeeded'", beside=True),
        # On PostgreSQL alone: the runs that SQLite holds are not too many to be looked through.
        Index("ix_runs_tail", text(TAIL), info={BESIDE: True}).ddl_if(dialect="postgresql"),
        _partial("ix_runs_drift", "id", where="trigger = 'drift'", beside=True),
        # By which a snapshot is found to be of no run any more.
        Index("ix_runs_snapshot", "snapshot_id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"))
    cluster: Mapped[str] = mapped_column(String(63))
    application: Mapped[str] = mapped_column(String(63))
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """The placement's when the run was made; empty where none was known."""
    trigger: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(Code(200))
    """``flotilla`` or who asked for it."""
    cause_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What led to it; empty where a person asked for it and said no more."""
    cause_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    priority: Mapped[int]
    queue: Mapped[str] = mapped_column(String(80))
    source_digest: Mapped[str | None] = mapped_column(String(64))
    """None for a run that removes everything."""
    parameters_digest: Mapped[str | None] = mapped_column(String(64))
    sources: Mapped[list[Any] | None]
    """What each source of its revision was resolved to, as ``PlacementSourceRow`` had it when the run was made."""
    source_id: Mapped[int | None]
    snapshot_id: Mapped[int]
    approval_id: Mapped[int | None]
    created_at: Mapped[datetime]

    outcome: Mapped[str | None] = mapped_column(String(16))
    """How it ended; None while it is open."""
    reason_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why it ended as it did, see ``RunReason``."""
    reason_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    error_code: Mapped[str] = mapped_column(Code(80), default="", server_default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    counts: Mapped[dict[str, Any] | None]
    """Objects by action, over all attempts."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class OpenRunRow(Base):
    """How a run stands that has not ended: all that planning, dispatch and claims read. Gone with the run's end.

    Here and not in ``runs``, whose partitions cannot hold that a placement has one open run, and which nobody who looks
    for work should have to pass over.
    """

    __tablename__ = "open_runs"
    __table_args__ = (
        CheckConstraint("state <> 'ended'", name="open"),
        CheckConstraint("sent_at IS NULL OR state = 'queued'", name="sent_while_queued"),
        # A check writes nothing: it goes beside the one run that may.
        _partial("uq_open_runs_writing", "placement_id", where=_WRITES, unique=True),
        _partial("uq_open_runs_checking", "placement_id", where=_CHECKS, unique=True),
        # What dispatch reads: each finds the next due run of a queue without passing those that are not. Runs made
        # together are due together; their ids, random within an instant, shuffle applications and clusters.
        _partial("ix_open_runs_due", "queue", "priority", "not_before", "run_id", where=_UNSENT),
        _partial(
            "ix_open_runs_due_application", "queue", "priority", "application", "not_before", "run_id", where=_UNSENT
        ),
        _partial("ix_open_runs_due_cluster", "queue", "priority", "cluster", "not_before", "run_id", where=_UNSENT),
        _partial("ix_open_runs_sent", "queue", "sent_at", where="sent_at IS NOT NULL"),
        _partial("ix_open_runs_running", "cluster", "application", where="state = 'running'"),
        _partial("ix_open_runs_waiting", "cluster", where="state = 'waiting'"),
    )

    run_id: Mapped[str] = mapped_column(
        Uuid,
        # Checked at the commit: which placements may have a new run is found out by this row, before the run is made.
        ForeignKey("runs.id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    )
    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"))
    cluster: Mapped[str] = mapped_column(String(63))
    application: Mapped[str] = mapped_column(String(63))
    trigger: Mapped[str] = mapped_column(String(16))
    source_digest: Mapped[str | None] = mapped_column(String(64))
    parameters_digest: Mapped[str | None] = mapped_column(String(64))
    priority: Mapped[int]
    queue: Mapped[str] = mapped_column(String(80))

    state: Mapped[str] = mapped_column(String(8))
    reason_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why it waits, or is tried again, see ``RunReason``."""
    reason_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    error_code: Mapped[str] = mapped_column(Code(80), default="", server_default="")
    """What its last attempt ran into."""
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """Claims so far: the last fencing token given out."""
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    """Attempts that a transient error ended; what the retry limit bounds."""
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    """Attempts whose worker process died; what the poison bound bounds."""
    not_before: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When a message was last sent for it (a parked one: when it falls due); None when dispatch should send it."""
    parked: Mapped[bool] = mapped_column(default=False, server_default=false())
    """That message is in the broker as a countdown."""
    deadline_at: Mapped[datetime | None]
    """A waiting run ends ``failed`` then."""
    awaits: Mapped[list[Any] | None]
    """The objects that a waiting run waits for, as ``group/Kind:namespace/name``; none: all of its placement."""
    hook_active: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A hook of it is under way, so that nothing supersedes it."""
    fail_hooks: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It has hooks for when it fails: a worker ends it at its deadline."""
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    counts: Mapped[dict[str, Any] | None]
    """Objects by action, over all attempts so far."""
    started_at: Mapped[datetime | None]


class AttemptRow(Base):
    """One claim of a run by one worker. Frozen by a trigger once ended."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="outcome_at_end"),
        _partial("ix_attempts_open", "worker", where="outcome IS NULL"),
        {"postgresql_partition_by": "RANGE (run_id)"},
    )

    run_id: Mapped[str] = mapped_column(Uuid, ForeignKey("runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    placement_id: Mapped[int]
    worker: Mapped[str] = mapped_column(Code(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    error_code: Mapped[str] = mapped_column(Code(80), default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    counts: Mapped[dict[str, Any] | None]
    timings: Mapped[dict[str, Any] | None]
    """Milliseconds by step."""
    requests: Mapped[dict[str, Any] | None]
    """Requests made to the cluster, by verb."""


class LeaseRow(Base):
    """Who may act now: on a placement, a cluster being swept or observed, a source, or as the leader."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    """``placement:ID``, ``check:PLACEMENT``, ``sweep:CLUSTER``, ``observe:CLUSTER``, ``resolve:SOURCE``, ``leader``."""
    holder: Mapped[str] = mapped_column(Code(200), index=True)
    token: Mapped[str] = mapped_column(String(64))
    """``RUN.ATTEMPT`` for a placement; else a random value, so that only its taker renews it."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LeadershipRow(Base):
    """Which scheduler leads. One row, which only a take-over changes; the lease ``leader`` holds the expiry."""

    __tablename__ = "leadership"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str] = mapped_column(Code(200))
    token: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime]


class ObjectResultRow(Base):
    """What one attempt did to one object. Unchanged objects are counted, not listed. Append-only."""

    __tablename__ = "object_results"
    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)

    run_id: Mapped[str] = mapped_column(Uuid, ForeignKey("runs.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str] = mapped_column(String(253))
    kind: Mapped[str] = mapped_column(String(63))
    namespace: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(253))
    action: Mapped[str] = mapped_column(String(16))
    detail_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What was done besides, or why it was not; empty for nothing more."""
    detail_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    diff: Mapped[str] = mapped_column(Text, default="")
    """Of rows from before ``fields``: the same as lines. History does not change, so that they keep it."""
    fields: Mapped[dict[str, Any] | None] = mapped_column(Params)
    """The fields that differed, see ``common.store.state.stored_diffs``; NULL for none."""


class PlannedChangeRow(Base):
    """What an attempt was about to change or delete, committed before its first write."""

    __tablename__ = "planned_changes"
    __table_args__ = (Index("ix_planned_changes_placement", "placement_id", "run_id", "attempt"),)

    run_id: Mapped[str] = mapped_column(Uuid, ForeignKey("runs.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str] = mapped_column(String(253), primary_key=True)
    kind: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(253), primary_key=True)
    placement_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(16))


class PruneSpendingRow(Base):
    """How many objects one placement has removed, or was about to, under one revision of its application."""

    __tablename__ = "prune_spending"
    __table_args__ = (_partial("ix_prune_spending_first", "application", "source_digest", where="placement_id = 0"),)

    application: Mapped[str] = mapped_column(String(63), primary_key=True)
    source_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    placement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0 is the row that whoever spends takes first."""
    objects: Mapped[int]


class ApprovalRow(Base):
    """Something that waits for a person: a prune or a leave over its bound, a changed identity, a move."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_state", "state", "id"),
        Index("ix_approvals_subject", "kind", "subject", "id"),
        Index("ix_approvals_project", "project", "id"),
        _partial("ix_approvals_closed", "decided_at", "id", where="state = 'done' OR state = 'void'"),
        _partial("ix_approvals_run", "run_id", where="run_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``prune``, ``leaving``, ``drain``, ``identity``, ``move``."""
    subject: Mapped[str] = mapped_column(String(200))
    """Placement, cluster, or ``fleet``."""
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """The placement's when it was asked; empty for what is of a cluster or of the fleet."""
    asked_by: Mapped[str] = mapped_column(Code(200), default="", server_default="")
    """Whose request led to it: ``flotilla`` where nobody's did; empty where that was not kept."""
    digest: Mapped[str] = mapped_column(String(64))
    """sha256 over ``payload``: what exactly is approved; another payload is another approval."""
    payload: Mapped[dict[str, Any]]
    reason_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why a person is asked, see ``ApprovalReason``."""
    reason_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``approved``, ``rejected``, ``done`` or ``void``."""
    run_id: Mapped[str | None] = mapped_column(Uuid)
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(Code(200), default="")
    decision_reason: Mapped[str] = mapped_column(Text, default="")


class IntentRow(Base):
    """What a person asked for through the console, until the scheduler has carried it out."""

    __tablename__ = "intents"
    __table_args__ = (
        Index("ix_intents_open", "handled_at", "id"),
        Index("ix_intents_project", "project", "id"),
        Index("ix_intents_batch", "batch_id", "handled_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``sync``, ``check``, ``refresh``, ``pause``, ``resume``, ``approve`` or ``reject``."""
    subject: Mapped[str] = mapped_column(String(300))
    """Placement, repository, or approval id; empty for ``refresh`` of everything, and for a batch."""
    batch_id: Mapped[int | None] = mapped_column(BigId)
    """The batch that it is one of; None for what was asked for by itself."""
    placements: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of a batch: how many requests it is of; each is a row of its own. 0 for what is no batch."""
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """That of what it is about, when it was asked for; empty where that belongs to none."""
    actor: Mapped[str] = mapped_column(Code(200))
    reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Code(16), default="", server_default="")
    """What came of it: ``done``, ``joined``, ``refused`` or ``broken``; empty until then."""
    result_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What exactly, see ``RequestReason``; empty until then."""
    result_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    run_id: Mapped[str | None] = mapped_column(Uuid)


class IdempotencyKeyRow(Base):
    """What a client has called a request: asked for again by the same name, it is not stored again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("actor", "key"), Index("ix_idempotency_keys_age", "created_at", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    actor: Mapped[str] = mapped_column(Code(200))
    key: Mapped[str] = mapped_column(String(64))
    """Digest of the name."""
    body: Mapped[str] = mapped_column(String(64))
    """Digest of what was asked for."""
    intent_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class AuditRow(Base):
    """Who did what, when. Append-only by a trigger."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_subject", "subject", "id"),
        Index("ix_audit_project", "project", "id"),
        Index("ix_audit_actor", "actor", "id"),
        Index("ix_audit_at", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Code(200))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(300))
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """That of the subject when it was done; empty where that belongs to none."""
    outcome: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """``asked`` or ``refused`` for what a person asked of the API; empty for what was done."""
    verb: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """The right that it takes; empty where it takes none."""
    credential: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Id of the session or token that was shown; empty for the hub's own token, and for what nobody asked for."""
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of the network that it came from, as far as known."""
    detail: Mapped[dict[str, Any] | None]
