"""Each reader has every event at least once, in order, whoever commits when and whatever dies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, text, update

from common.domain.events import Event, EventKind, Position
from common.domain.rights import ALL
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.events import audit, readers, stream
from common.store.events.stream import EventFilter
from common.store.queue.tallies import RunTallies
from common.store.schema.tables import AuditRow, EventClockRow, EventRow
from common.store.state import faults
from common.store.state.faults import StoredFault
from scheduler import readers as registered
from scheduler.loop.listening import Listening
from tests.integration.db.rows import NOW, run_id
from tests.integration.db.telling import told

TRANSACTIONS = 3
PAGE = 2
A, B = run_id(1), run_id(2)


def tell(connection: Connection, what: str) -> None:
    """Tell one event, whose subject is ``what``."""
    faults.add(connection, what, StoredFault("x", {"message": "words"}, project=""), now=NOW)


@dataclass
class Notes:
    """A reader that writes down what it has taken, in the transaction in which it takes it."""

    name: str = "notes"
    kinds: Sequence[EventKind] = ()
    broken: bool = False
    calls: list[str] = field(default_factory=list)

    def take(self, connection: Connection, events: Sequence[Event], *, now: datetime) -> None:
        self.calls += [event.subject for event in events]
        for event in events:
            audit.append(connection, audit.Deed(self.name, "took", event.subject, project=""), now=now)
        if self.broken:
            message = "the reader died"
            raise RuntimeError(message)

    def written(self, database: Database) -> list[str]:
        """Return what was committed of it."""
        with database.read() as connection:
            mine = select(AuditRow.subject).where(AuditRow.actor == self.name).order_by(AuditRow.id)
            return list(connection.execute(mine).scalars())


def advance(database: Database, reader: Notes) -> int:
    with database.write() as connection:
        return readers.advance(connection, reader, now=NOW)


def test_a_transaction_that_takes_long_loses_nothing(postgres_database: Database) -> None:
    notes = Notes()
    advance(postgres_database, notes)
    with postgres_database.write() as slow:
        tell(slow, "slow-1")
        with postgres_database.write() as fast:
            tell(fast, "fast")
        assert advance(postgres_database, notes) == 0, "something may yet come before it"
        assert told(postgres_database) == ()
        tell(slow, "slow-2")
    assert advance(postgres_database, notes) == 3
    assert notes.written(postgres_database) == ["slow-1", "slow-2", "fast"]


def test_one_that_began_first_and_told_last_is_not_missed(postgres_database: Database) -> None:
    notes = Notes()
    advance(postgres_database, notes)
    with postgres_database.write() as slow:
        audit.append(slow, audit.Deed("x", "x", "x", project=""), now=NOW)  # it has its number before it tells anything
        with postgres_database.write() as fast:
            tell(fast, "fast")
        tell(slow, "slow")
        advance(postgres_database, notes)
    with postgres_database.write() as later:
        tell(later, "later")
    advance(postgres_database, notes)
    assert sorted(notes.written(postgres_database)) == ["fast", "later", "slow"]


@pytest.fixture
def shared(postgres_database: Database) -> Database:
    """One database for all examples: each has a reader and subjects of its own."""
    return postgres_database


_EXAMPLES = count()
_STEPS = st.lists(
    st.tuples(st.integers(0, TRANSACTIONS - 1), st.sampled_from(["tell", "commit", "undo", "read", "die"])),
    max_size=24,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_whatever_the_order_each_event_is_taken_once_and_in_order(
    shared: Database, steps: list[tuple[int, str]]
) -> None:
    notes = Notes(name=f"n{next(_EXAMPLES)}")
    advance(shared, notes)
    with shared.read() as connection:
        begun = stream.head(connection, ALL)
    committed = _interleave(shared, steps, notes)
    while advance(shared, notes):
        pass
    with shared.read() as connection:
        settled = [one.subject for one in stream.behind(connection, begun, EventFilter(ALL), limit=1_000)]
    assert notes.written(shared) == settled
    assert sorted(settled) == sorted(committed)


def _interleave(database: Database, steps: list[tuple[int, str]], notes: Notes) -> list[str]:
    """Carry the steps out, each by the transaction that it names; return what was committed."""
    committed: list[str] = []
    open_: dict[int, tuple[ExitStack, Connection, list[str]]] = {}
    with ExitStack() as whatever_remains:
        for number, (of, step) in enumerate(steps):
            if step in {"read", "die"}:
                _read(database, notes, dies=step == "die")
            elif step == "tell":
                if of not in open_:
                    stack = whatever_remains.enter_context(ExitStack())
                    open_[of] = (stack, stack.enter_context(database.write()), [])
                _, connection, said = open_[of]
                said.append(f"{notes.name}-{number}")
                tell(connection, said[-1])
            elif of in open_:
                stack, connection, said = open_.pop(of)
                if step == "undo":
                    connection.rollback()
                else:
                    committed += said
                stack.close()
        committed += [one for _, _, said in open_.values() for one in said]
    return committed


def _read(database: Database, notes: Notes, *, dies: bool) -> None:
    notes.broken = dies
    try:
        advance(database, notes)
    except RuntimeError:
        assert dies
    notes.broken = False


def test_a_reader_that_dies_before_its_cursor_moves_has_them_again(database: Database) -> None:
    notes = Notes()
    advance(database, notes)
    with database.write() as connection:
        tell(connection, "one")
    notes.broken = True
    with pytest.raises(RuntimeError):
        advance(database, notes)
    assert notes.written(database) == []
    notes.broken = False
    assert advance(database, notes) == 1
    assert notes.calls == ["one", "one"]
    assert notes.written(database) == ["one"]


def test_a_new_reader_begins_now_and_each_has_a_cursor_of_its_own(database: Database) -> None:
    with database.write() as connection:
        tell(connection, "before")
    one, other = Notes("one"), Notes("other", kinds=(EventKind.FAULT_CLEARED,))
    for reader in (one, other):
        advance(database, reader)
    with database.write() as connection:
        tell(connection, "after")
        faults.replace(connection, "after", (), now=NOW)
    assert (advance(database, one), advance(database, other)) == (2, 1)
    with database.read() as connection:
        assert readers.cursors(connection) == {
            "one": stream.head(connection, ALL),
            "other": stream.head(connection, ALL),
        }
        assert readers.waiting(connection, (one, other, Notes("new"))) == (Notes("new"),)


def test_a_reader_is_one_entry_and_one_that_breaks_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, notes = Notes("broken", broken=True), Notes()
    monkeypatch.setattr(registered, "_READERS", {})
    for reader in (broken, RunTallies(), notes):
        registered.register(reader)
    listening = Listening(database, registered.readers())
    listening.tick()
    with database.write() as connection:
        tell(connection, "one")
    assert listening.tick() == 1
    assert notes.written(database) == ["one"]
    broken.broken = False
    assert listening.tick() == 1
    assert broken.written(database) == ["one"]
    assert listening.tick() == 0


def test_a_database_that_was_copied_from_another_server_goes_on(postgres_database: Database) -> None:
    notes = Notes()
    advance(postgres_database, notes)
    far = {
        "tx": 10**15,
        "id": A,
        "at": NOW,
        "kind": "fault.raised",
        "subject": "copied",
        "cluster": "",
    }
    with postgres_database.write() as connection:
        connection.execute(insert(EventRow).values(far | {"application": "", "project": "", "code": "", "params": {}}
                                                   | {"actor": ""}))  # fmt: skip
    assert advance(postgres_database, notes) == 0
    upgrade.upgrade(postgres_database)
    with postgres_database.write() as connection:
        tell(connection, "new")
    while advance(postgres_database, notes):
        pass
    assert notes.written(postgres_database) == ["copied", "new"]
    with postgres_database.read() as connection:
        before = connection.execute(select(EventClockRow.last)).scalar_one()
    upgrade.upgrade(postgres_database)
    with postgres_database.read() as connection:
        assert connection.execute(select(EventClockRow.last)).scalar_one() == before


def test_on_sqlite_a_clock_that_goes_back_hides_nothing(sqlite_database: Database) -> None:
    notes = Notes()
    advance(sqlite_database, notes)
    with sqlite_database.write() as connection:
        tell(connection, "one")
        # As if its clock had been ahead: whatever is told next has an earlier id.
        connection.execute(text("DROP TRIGGER guard_events_update"))
        connection.execute(update(EventRow).values(id="ffffffff-ffff-7000-8000-000000000001"))
    advance(sqlite_database, notes)
    with sqlite_database.write() as connection:
        tell(connection, "two")
    assert advance(sqlite_database, notes) == 1
    assert notes.written(sqlite_database) == ["one", "two"]


def test_positions_sort_as_events_do() -> None:
    assert Position() < Position(1, A) < Position(1, B) < Position(2, A)
