"""Refusals in the audit: all of them, in few rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from common.store.engine.session import Database
from common.store.events.audit import Asked, Deed, Way
from common.store.schema.tables import AuditRow
from console.api.door.refusals import MOST, Refusals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(actor: str, address: str = "10.0.0.1") -> Deed:
    return Deed(actor, "sync", "eu/pay", "pay", {"why": "x"}, Way(Asked.REFUSED, "sync", "s1", address))


def rows(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(AuditRow.actor, AuditRow.detail).order_by(AuditRow.id)))


def test_the_first_is_a_row_and_the_others_are_counted(database: Database) -> None:
    clock = Clock()
    refusals = Refusals(database, clock)
    for _ in range(5):
        refusals.note(refused("ann"))
    assert [tuple(row) for row in rows(database)] == [("ann", {"why": "x"})]
    clock.now = 61
    refusals.note(refused("bob"))
    assert [tuple(row) for row in rows(database)][1:] == [("ann", {"why": "x", "more": 4}), ("bob", {"why": "x"})]


def test_many_sources_are_as_few_rows(database: Database) -> None:
    clock = Clock()
    refusals = Refusals(database, clock)
    for number in range(500):
        refusals.note(refused("ann", f"10.0.1.{number}"))
    assert len(rows(database)) == MOST
    clock.now = 61
    refusals.note(refused("bob"))
    assert [tuple(row) for row in rows(database)][MOST:] == [("several", {"more": 500 - MOST}), ("bob", {"why": "x"})]
