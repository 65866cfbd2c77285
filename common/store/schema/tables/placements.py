"""Placements: what each should run, what it runs, and which objects it owns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, Index, SmallInteger, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, BigId, Code, Params, Text

_SEVERITY = """
CASE WHEN state = 'leaving' THEN 7 WHEN state <> 'placed' THEN 9 WHEN sync_status = 'failed' THEN 0
WHEN health = 'degraded' THEN 1 WHEN health = 'missing' THEN 2 WHEN sync_status = 'unknown' THEN 3
WHEN health = 'unknown' THEN 4 WHEN sync_status = 'out-of-sync' THEN 5 WHEN health = 'progressing' THEN 6 ELSE 8 END
"""
_TROUBLED, _UNSYNCED = text("severity < 8"), text("sync_status <> 'synced'")


class PlacementRow(Base):
    """One application on one cluster."""

    __tablename__ = "placements"
    __table_args__ = (
        UniqueConstraint("cluster", "application"),
        Index("ix_placements_application", "application", "cluster"),
        Index("ix_placements_project", "project", "cluster", "application"),
        Index(
            "ix_placements_severity",
            "severity",
            "cluster",
            "application",
            sqlite_where=_TROUBLED,
            postgresql_where=_TROUBLED,
        ),
        Index("ix_placements_project_severity", "project", "severity", "cluster", "application"),
        Index(
            "ix_placements_unsynced",
            "cluster",
            "application",
            sqlite_where=_UNSYNCED,
            postgresql_where=_UNSYNCED,
        ),
        Index(
            "ix_placements_held",
            "id",
            sqlite_where=text("hold_code <> ''"),
            postgresql_where=text("hold_code <> ''"),
        ),
        Index(
            "ix_placements_foiled",
            "cluster",
            sqlite_where=text("failure_code = 'apply.owned' OR failure_code = 'prune.claimed'"),
            postgresql_where=text("failure_code = 'apply.owned' OR failure_code = 'prune.claimed'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    cluster: Mapped[str] = mapped_column(String(63))
    application: Mapped[str] = mapped_column(String(63))
    project: Mapped[str] = mapped_column(String(253), default="", server_default="")
    """Its application's by the registry in force, or the last that it had there; empty where none is known."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    """``placed``, ``retained`` (no longer wanted, left alone), ``leaving`` (being removed) or ``left``."""
    mark: Mapped[str] = mapped_column(String(20), index=True)
    """Value of the label ``flotilla.dev/placement``."""
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"), index=True)

    desired_source_digest: Mapped[str | None] = mapped_column(String(64))
    desired_parameters_digest: Mapped[str | None] = mapped_column(String(64))
    desired_at: Mapped[datetime | None]
    applied_source_digest: Mapped[str | None] = mapped_column(String(64))
    applied_parameters_digest: Mapped[str | None] = mapped_column(String(64))
    applied_sources: Mapped[list[Any] | None]
    """What the revision came from, as the run had it that brought it in; see ``RunRow.sources``."""
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    applied_at: Mapped[datetime | None]

    sync_status: Mapped[str] = mapped_column(String(16), default="out-of-sync")
    """Derived from the facts below by ``common.domain.status``; written by ``common.store.state.status`` alone."""
    hold_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What planning says stands in the way of its desired revision, see ``Hold``; empty for nothing."""
    hold_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    contact_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What keeps its objects from being read; empty while everything can be."""
    contact_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    found_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What the last run that judged its objects found; empty where all is as it should be."""
    found_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    confirmed_at: Mapped[datetime | None]
    """When its objects were last seen to be as they should."""
    hint: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Digest of what the last sweep saw that is not as we left it; empty for nothing."""
    hint_judged: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The hint that a run has judged last; empty once that found, or made, everything as it should be."""
    health: Mapped[str] = mapped_column(String(16), default="unknown")
    health_reason_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why, see ``HealthReason``; empty where nothing is to be said."""
    health_reason_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    health_at: Mapped[datetime | None]
    severity: Mapped[int] = mapped_column(SmallInteger, Computed(_SEVERITY))
    """How bad it is, see ``common.domain.severity``: the database derives it whenever it writes the row."""
    objects: Mapped[int] = mapped_column(default=0)

    paused_by: Mapped[str | None] = mapped_column(Code(200))
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str] = mapped_column(Text, default="")

    failure_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """What its last run at the desired revision failed for; empty where none did, or one succeeded since."""
    failure_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    failure_remedy: Mapped[str] = mapped_column(String(9), default="", server_default="")
    """``transient`` or ``permanent``: whether time may help."""
    failure_since: Mapped[datetime | None]
    """When the same failure was met first."""
    failure_last_at: Mapped[datetime | None]
    failure_count: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often the same failure was met."""
    failure_settings: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Digest of what the registry said of the placement then: another word of it is worth another try."""
    changed_at: Mapped[datetime | None]
    """When its cluster, or what the registry says of it, changed after that failure; none while neither has."""
    failures: Mapped[int] = mapped_column(default=0)
    """Runs in a row that failed at the desired revision; drives the placement's own back-off."""
    retry_at: Mapped[datetime | None] = mapped_column(index=True)
    """When a placement that is not at its desired revision may get its next run by itself."""
    full_check_due_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the daily full dry-run is due."""
    observe_until: Mapped[datetime | None] = mapped_column(index=True)
    """Health is awaited until then; none when nothing waits."""
    looked_revision: Mapped[str] = mapped_column(String(129), default="", server_default="")
    """The last wanted revision whose manifests a run has read, as ``SOURCE:PARAMETERS``."""
    coming: Mapped[list[Any] | None]
    """Objects that it renders and the placement does not own; none where it owns all of them."""
    delete_hooks: Mapped[list[Any] | None]
    """Manifests of the hooks before and after its removal, as last applied: its source may be gone by then."""
    tenant_project: Mapped[str | None] = mapped_column(String(253))
    """The project by whose rules its objects and those hooks were judged; none where that is not known."""
    tenant_account: Mapped[str | None] = mapped_column(String(600))
    """User in whose name they were written; empty for the hub's own, none where that is not known."""
    removal_signature: Mapped[str | None] = mapped_column(String(64))
    """Of those hooks, project and user, as ``common.domain.tenant.Signer`` makes it; none without a signature."""


class PlacementCountRow(Base):
    """How many placements more, or fewer, stand so; the sum over all rows of a kind is how many there are.

    Triggers add rows, see ``schema.counters``; the scheduler makes one of several.
    """

    __tablename__ = "placement_counts"
    __table_args__ = (Index("ix_placement_counts_cluster", "cluster"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    cluster: Mapped[str] = mapped_column(String(63))
    project: Mapped[str] = mapped_column(String(253))
    severity: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(16))
    sync_status: Mapped[str] = mapped_column(String(16))
    health: Mapped[str] = mapped_column(String(16))
    paused: Mapped[bool]
    placements: Mapped[int]


class PlacementSourceRow(Base):
    """What one source of a placement's desired revision was resolved to; none while there is no such revision."""

    __tablename__ = "placement_sources"

    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 0, in the order in which the registry first names each."""
    repo: Mapped[str] = mapped_column(Text)
    """With credentials and ref what ``sources`` has of it; empty where an earlier version did not note it."""
    credentials: Mapped[str] = mapped_column(String(253))
    ref: Mapped[str] = mapped_column(String(253))
    commit: Mapped[str] = mapped_column(String(64))
    """40 or 64 hex digits; for an artifact the sha256 that names it."""
    renderers: Mapped[list[Any]]
    """Names and versions; empty where it only lends files, or where an earlier version did not note them."""


class InventoryRow(Base):
    """One object a placement owns, written before it is first applied."""

    __tablename__ = "inventory"
    __table_args__ = (
        Index("ix_inventory_placement_kind", "placement_id", "group", "kind"),
        Index(
            "ix_inventory_fighting",
            "placement_id",
            "healed_at",
            sqlite_where=text("backoff_step > 0"),
            postgresql_where=text("backoff_step > 0"),
        ),
        Index(
            "ix_inventory_unwanted",
            "placement_id",
            sqlite_where=text("NOT wanted"),
            postgresql_where=text("NOT wanted"),
        ),
        Index(
            "ix_inventory_by_hand",
            "placement_id",
            sqlite_where=text("by_hand <> ''"),
            postgresql_where=text("by_hand <> ''"),
        ),
    )

    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    group: Mapped[str] = mapped_column(String(253), primary_key=True)
    kind: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(253), primary_key=True)
    version: Mapped[str] = mapped_column(String(63))
    resource: Mapped[str] = mapped_column(String(253), default="")
    """Plural name in URLs, from discovery."""
    desired_digest: Mapped[str] = mapped_column(String(64))
    """sha256 of the canonical manifest that was last applied (an HMAC where it covers a Secret); empty before that."""
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    uid: Mapped[str] = mapped_column(String(64), default="")
    applied_fields: Mapped[dict[str, Any] | None]
    """Our entry of managedFields after the last successful apply: decides whether a conflict is drift."""
    adopted: Mapped[bool] = mapped_column(default=False)
    keep: Mapped[bool] = mapped_column(default=False)
    """``flotilla.dev/prune: never`` as last applied."""
    prune_allowed: Mapped[bool] = mapped_column(default=False)
    """``flotilla.dev/prune: allow`` as last applied: wanted for kinds that hold other objects or data."""
    wanted: Mapped[bool] = mapped_column(default=True)
    """False once it is no longer in the manifests and waits to be pruned."""
    left_by: Mapped[str] = mapped_column(String(129), default="", server_default="")
    """The revision that first no longer rendered it, as ``SOURCE:PARAMETERS``; empty while it is wanted."""
    health: Mapped[str] = mapped_column(String(16), default="unknown")
    health_reason_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why, see ``HealthReason``; empty where nothing is to be said."""
    health_reason_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    refused_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why its last prune was refused or failed, or what keeps it; empty for nothing."""
    refused_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    going: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its deletion was accepted, and finalizers keep it."""
    backoff_step: Mapped[int] = mapped_column(default=0, server_default="0")
    """Corrections of its drift in a row that did not last."""
    healed_at: Mapped[datetime | None]
    heal_after: Mapped[datetime | None]
    """Drift of it is not corrected before this instant: somebody else keeps changing it."""
    hook_run: Mapped[str] = mapped_column(String(36), default="", server_default="")
    """The run that made a hook's object."""
    hook_state: Mapped[str] = mapped_column(String(9), default="", server_default="")
    """How far the hook has come; empty for what is none."""
    hook_stage: Mapped[str] = mapped_column(String(11), default="", server_default="")
    """The stage in which it ran: one object may be a hook of several."""
    hook_revision: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """sha256 over the identity of the revision that it ran for; empty at a removal."""
    expires: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the cluster deletes it by itself some time after its end (a Job with a TTL)."""
    by_hand: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Paths of fields that people added and Git does not have, one a line; the first 20."""
    ended: Mapped[str] = mapped_column(String(9), default="", server_default="")
    """How it ended, as observed; empty again once another object takes its place."""
