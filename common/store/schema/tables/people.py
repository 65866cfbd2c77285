"""Who may sign in, the sessions that are open, and the tokens that were made: of every secret its digest alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, BigId, Code

NEVER_AGAIN = {"sqlite_autoincrement": True}
"""The audit names users, sessions and tokens by their numbers: none is given a second time."""


class UserRow(Base):
    """Somebody who signs in: a user of this hub's own, or one that an identity provider vouched for."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index("ix_users_role", "role", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    """URL of the identity provider; empty for a user of this hub's own."""
    subject: Mapped[str] = mapped_column(String(255))
    """The name of a user of this hub's own; else what the provider calls them for ever."""
    shown: Mapped[str] = mapped_column(Code(200), default="", server_default="")
    """How the provider names them to people; decides nothing."""
    password: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Argon2id, with its salt and parameters; empty where the provider asks for one."""
    role: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """Of the whole fleet; empty for none."""
    groups: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """As an admin set them, or as the provider told them when they signed in last."""
    ungrouped: Mapped[str] = mapped_column(Code(80), default="", server_default="")
    """Why the provider's groups are not known, as a code; empty where they are."""
    told_at: Mapped[datetime | None]
    """When the provider told their groups last; None for a user of this hub's own."""
    administered_at: Mapped[datetime | None]
    """When they last signed in as somebody who may administer."""
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class SessionRow(Base):
    """A browser that has signed in."""

    __tablename__ = "sessions"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """None for a browser that has shown the hub's own token."""
    token_digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of the hub's token, where that was shown: another token ends the session."""
    address: Mapped[str] = mapped_column(Code(64), default="", server_default="")
    refresh: Mapped[str] = mapped_column(Text, default="", server_default="")
    """With which the identity provider is asked again about its user, sealed; empty where it gave nothing for that."""
    refreshing_at: Mapped[datetime | None]
    """When somebody began to ask: nobody else does meanwhile."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TokenRow(Base):
    """What a program shows instead of a person."""

    __tablename__ = "tokens"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(Code(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """Who made it: it gives no more than they have. None for one that was made with the hub's own token."""
    root_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    """The token with which it was made, and whose end is its own; None for one made by a person."""
    actor: Mapped[str] = mapped_column(Code(200), default="", server_default="")
    """In whose name, where it has neither a maker nor the hub's own token behind it: a pipeline's."""
    grants: Mapped[list[Any]]
    """Pairs of a verb and a project: what it may be used for at most."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
