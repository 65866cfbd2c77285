"""Who may sign in: users of this hub's own, and those that an identity provider vouched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from common.domain.rights import BuiltInRole
from common.store.engine.dialect import insert as upsert
from common.store.schema.tables import UserRow

LOCAL = ""
"""In place of an issuer: a user of this hub's own."""
MOST_ADMINS = 50
"""That are read at once, to look through them for one who may administer now."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in.

    Attributes:
        issuer: the identity provider's URL; empty for a user of this hub's own.
        subject: their name here, or what the provider calls them for ever.
        shown: how the provider names them to people; decides nothing.
        role: of the whole fleet; None for none.
        ungrouped: why the provider's groups are not known; empty where they are.
        told_at: when the provider told their groups last; None for a user of this hub's own.
        signed_in_at: last; None before the first time.
    """

    id: int
    issuer: str
    subject: str
    shown: str
    role: BuiltInRole | None
    groups: tuple[str, ...]
    ungrouped: str
    told_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None


COLUMNS = tuple(column for column in UserRow.__table__.c if column.name not in {"password", "administered_at"})


def of_row(row: Row[Any]) -> User:
    """Return what the columns ``COLUMNS`` of a row say."""
    return User(
        id=row.id,
        issuer=row.issuer,
        subject=row.subject,
        shown=row.shown,
        role=BuiltInRole(row.role) if row.role else None,
        groups=tuple(str(group) for group in row.groups),
        ungrouped=row.ungrouped,
        told_at=row.told_at,
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
        disabled_at=row.disabled_at,
    )


def everybody(connection: Connection) -> tuple[User, ...]:
    """Return the users of this hub's own and those who came through a provider, by issuer and name."""
    query = select(*COLUMNS).order_by(UserRow.issuer, UserRow.subject)
    return tuple(map(of_row, connection.execute(query)))


def find(connection: Connection, user_id: int) -> User | None:
    """Return a user; None where there is none of that number."""
    row = connection.execute(select(*COLUMNS).where(UserRow.id == user_id)).one_or_none()
    return None if row is None else of_row(row)


def password_of(connection: Connection, name: str) -> tuple[User, str] | None:
    """Return a user of this hub's own who may sign in, and the hash of their password."""
    query = select(*COLUMNS, UserRow.password).where(
        UserRow.issuer == LOCAL, UserRow.subject == name, UserRow.disabled_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (of_row(cast("Row[Any]", row)), row.password)


def add(
    connection: Connection,
    name: str,
    *,
    password: str,
    role: BuiltInRole | None,
    groups: Sequence[str],
    now: datetime,
) -> int | None:
    """Add a user of this hub's own, with the hash of a password; return their number, or None if the name is taken."""
    values = {
        "issuer": LOCAL, "subject": name, "password": password, "role": role or "", "groups": list(groups),
        "created_at": now,
    }  # fmt: skip
    statement = upsert(connection, UserRow).values(values).on_conflict_do_nothing(index_elements=["issuer", "subject"])
    return connection.execute(statement.returning(UserRow.id)).scalar_one_or_none()


def change(connection: Connection, user_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a user's row."""
    connection.execute(update(UserRow).where(UserRow.id == user_id).values(dict(values)))


def remove(connection: Connection, user_id: int) -> None:
    """Remove a user, their sessions and their tokens."""
    connection.execute(delete(UserRow).where(UserRow.id == user_id))


def note_sign_in(connection: Connection, user_id: int, *, password: str, administers: bool, now: datetime) -> bool:
    """Note that a user has signed in, and whether they may administer; False where they may not any more.

    Args:
        connection: of the writing transaction that opens their session: an admin's change comes before or after it.
        user_id: whose.
        password: the hash that was compared with; empty for a user that a provider vouches for.
        administers: whether they may.
        now: when.
    """
    values: dict[str, Any] = {"signed_in_at": now, "administered_at": now if administers else None}
    statement = update(UserRow).where(_still(user_id, password)).values(values)
    return connection.execute(statement.returning(UserRow.id)).first() is not None


def replace_password(connection: Connection, user_id: int, *, former: str, new: str) -> bool:
    """Give a user who may sign in another hash in place of the one compared with; False if that has changed."""
    statement = update(UserRow).where(_still(user_id, former)).values(password=new)
    return connection.execute(statement.returning(UserRow.id)).first() is not None


def _still(user_id: int, password: str) -> ColumnElement[bool]:
    """Return the condition that a user is as they were when they showed who they are."""
    return and_(UserRow.id == user_id, UserRow.password == password, UserRow.disabled_at.is_(None))


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an identity provider vouches for; see ``User``."""

    issuer: str
    subject: str
    shown: str
    groups: tuple[str, ...]
    ungrouped: str


def vouched(connection: Connection, who: Vouched, *, now: datetime) -> User:
    """Return the user that a provider vouched for, with the groups that it told now; made at the first time."""
    told = {**_told(who, now=now), "signed_in_at": now}
    values = {"issuer": who.issuer, "subject": who.subject, "created_at": now, **told}
    statement = upsert(connection, UserRow).values(values)
    statement = statement.on_conflict_do_update(index_elements=["issuer", "subject"], set_=told)
    return of_row(connection.execute(statement.returning(*COLUMNS)).one())


def retold(connection: Connection, user_id: int, who: Vouched, *, now: datetime) -> None:
    """Keep what a provider says now of somebody that has not signed in anew."""
    change(connection, user_id, _told(who, now=now))


def _told(who: Vouched, *, now: datetime) -> dict[str, Any]:
    return {"shown": who.shown, "groups": list(who.groups), "ungrouped": who.ungrouped, "told_at": now}


def has_local_admin(connection: Connection) -> bool:
    """Return whether a user of this hub's own may administer and sign in."""
    query = select(UserRow.id).where(
        UserRow.role == BuiltInRole.ADMIN.value, UserRow.issuer == LOCAL, UserRow.disabled_at.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def former_admins(connection: Connection) -> Iterator[User]:
    """Yield who signed in last as somebody who may administer, and is not disabled: all of them, some at a time."""
    query = (
        select(*COLUMNS)
        .where(UserRow.administered_at.is_not(None), UserRow.disabled_at.is_(None))
        .order_by(UserRow.id.desc())
        .limit(MOST_ADMINS)
    )
    found = tuple(map(of_row, connection.execute(query)))
    while found:
        yield from found
        found = tuple(map(of_row, connection.execute(query.where(UserRow.id < found[-1].id))))
