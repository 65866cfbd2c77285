"""Mistaken identity: what the audit names by a number is never somebody else's later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from common.domain.rights import Grants
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.schema.tables import SessionRow, TokenRow, UserRow
from common.store.state import sessions, tokens
from common.store.state.users import User
from console.api.door.people import actor_of
from tests.harness.people import add_user

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def _session(connection: Connection, database: Database) -> int:
    now = database.now(connection)
    return sessions.open_session(connection, "s", user_id=None, token="t", address="", now=now)


def _token(connection: Connection, database: Database) -> int:
    new = tokens.New("ci", None, None, Grants(), timedelta(days=1))
    return tokens.add(connection, "t", new, now=database.now(connection)).id


@pytest.mark.parametrize(("make", "row"), [(_session, SessionRow), (_token, TokenRow)])
def test_the_number_of_what_has_ended_is_not_given_again(database: Database, make: object, row: type) -> None:
    assert callable(make)
    numbers = []
    for _ in range(2):
        with database.write() as connection:
            numbers.append(make(connection, database))
        with database.write() as connection:
            connection.execute(delete(row))
    assert len(set(numbers)) == 2


def test_the_number_of_a_user_who_was_removed_is_not_given_again(database: Database) -> None:
    first = add_user(database, "ada")
    with database.write() as connection:
        connection.execute(delete(UserRow))
    assert add_user(database, "ada") != first


def test_one_name_at_two_providers_is_two_people() -> None:
    def of(issuer: str, subject: str) -> str:
        return actor_of(User(1, issuer, subject, "", None, (), "", None, NOW, None, None))

    here, there = of("https://id.example/one", "ada"), of("https://id.example/two", "ada")
    assert here != there
    assert here.startswith("oidc:")
    assert here.endswith(":ada")
    assert of("https://id.example/one", "x" * 255) != of("https://id.example/two", "x" * 255)
    assert len(of("https://id.example/one", "x" * 255)) <= 200
