"""Events as they come: each once to whoever may see it, and said where some are lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy import event as sql_events

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import EventClockRow, EventRow, UserRow
from common.store.state import faults, sessions, users
from common.store.state.faults import StoredFault
from console.api.app import create_app
from console.api.door.gate import COOKIE, HELD, Gate
from console.api.live.feed import Entry, Feed, Rhythm
from console.api.live.shares import Share
from console.api.live.stream import Care, Streams
from tests.harness.api import TOKEN
from tests.harness.people import CHEAP, PAY, add_user, put_in_force
from tests.harness.streams import BEARER, Message, Reader, Served, served
from tests.integration.db.rows import NOW, run_id
from tests.integration.db.telling import told

QUICK = Rhythm(poll=0.05)


def tell(database: Database, *subjects: str) -> None:
    """Have the database tell of a fault each."""
    with database.write() as connection:
        for subject in subjects:
            faults.add(connection, subject, StoredFault("x", {"message": "words from elsewhere"}, project=""), now=NOW)


def tell_of(database: Database, project: str, *, subject: str = "eu-1/shop", number: int = 1) -> None:
    """Write events about placements of a project on SQLite, as its trigger would."""
    with database.write() as connection:
        last = connection.execute(select(EventClockRow.last)).scalar() or 0
        of_all = {"at": NOW, "kind": "health.changed", "subject": subject, "cluster": "eu-1", "application": "shop"}
        of_all |= {"project": project, "code": "degraded", "params": {"was": "healthy"}, "actor": "flotilla"}
        rows = [of_all | {"tx": last + at, "id": run_id(last + at)} for at in range(1, number + 1)]
        connection.execute(insert(EventClockRow).prefix_with("OR REPLACE").values(id=1, last=last + number))
        connection.execute(insert(EventRow), rows)


@contextmanager
def serving(
    database: Database,
    tmp_path: Path,
    rhythm: Rhythm = QUICK,
    share: Share | None = None,
    care: Care | None = None,
) -> Iterator[Served]:
    app = create_app(Settings(home=tmp_path), database, token=TOKEN)
    app.state.streams = Streams(database, rhythm, share, care)
    with served(app) as found:
        yield found


def names(messages: list[Message]) -> list[str]:
    return [message.name for message in messages]


def begun(hub: Served, topics: str = "", last: str = "", head: str = BEARER) -> Reader:
    """Return a stream that is open: what is told from now on comes there."""
    reader = hub.open(topics, last=last, head=head)
    assert names(reader.until("ready")) == ["ready"]
    return reader


def test_what_is_told_comes_to_all_who_look_on(database: Database, tmp_path: Path) -> None:
    tell(database, "before")
    with serving(database, tmp_path) as hub:
        one, other = begun(hub), begun(hub)
        tell(database, "registry")
        for reader in (one, other):
            (message,) = reader.until("fault.raised")
            assert message.data["ref"] == "registry"
            assert message.data["code"] == "x"
            assert message.id == str(told(database)[-1].position)
            assert b"content-type: text/event-stream" in reader.head.lower()
            assert b"cache-control: no-store" in reader.head.lower()


def test_it_says_states_and_no_words(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path) as hub:
        reader = begun(hub)
        tell_of(sqlite_database, "pay")
        (message,) = reader.until("health.changed")
        assert message.data == {
            "at": message.data["at"],
            "ref": "eu-1/shop",
            "cluster": "eu-1",
            "application": "shop",
            "project": "pay",
            "code": "degraded",
            "run": None,
            "was": "healthy",
        }


def test_it_goes_on_behind_what_was_seen(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as hub:
        reader = begun(hub)
        tell(database, "a", "b")
        first = reader.until("fault.raised")[-1]
        reader.connection.close()
        tell(database, "c")
        again = begun(hub, last=first.id)
        assert [m.data["ref"] for m in (again.until("fault.raised") + again.until("fault.raised"))] == ["b", "c"]


def test_a_process_that_has_just_begun_takes_up_where_another_was_left(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as hub:
        reader = begun(hub)
        tell(database, "a")
        seen = reader.until("fault.raised")[-1].id
    tell(database, "b")
    with serving(database, tmp_path / "other") as hub:
        assert begun(hub, last=seen).until("fault.raised")[-1].data["ref"] == "b"


@pytest.mark.parametrize(
    "last",
    [
        "nonsense",
        "0.00000000-0000-0000-0000-000000000000",
        "9999999999999999999.00000000-0000-7000-8000-000000000000",
        "\u0661.x",
        "x" * 4000,
    ],
)
def test_what_is_not_known_here_is_a_reset(sqlite_database: Database, tmp_path: Path, last: str) -> None:
    tell(sqlite_database, *(f"{n}" for n in range(9)))
    with serving(sqlite_database, tmp_path, Rhythm(poll=0.05, kept=4)) as hub:
        reader = hub.open(last=last)
        assert reader.status == 200
        (message,) = reader.until("reset")
        assert message.name == "reset"
        assert message.id == str(told(sqlite_database)[-1].position)
        tell(sqlite_database, "later")
        assert reader.until("fault.raised")[-1].data["ref"] == "later"


def test_past_the_ring_is_a_reset(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path, Rhythm(poll=0.05, kept=4)) as hub:
        reader = begun(hub)
        tell(sqlite_database, "first")
        seen = reader.until("fault.raised")[-1].id
        tell(sqlite_database, *(f"{n}" for n in range(3)))
        [reader.until("fault.raised") for _ in range(3)]
        again = begun(hub, last=seen)  # all that came is there still
        assert again.until("fault.raised")[-1].data["ref"] == "0"
        tell(sqlite_database, *(f"more-{n}" for n in range(3)))
        [reader.until("fault.raised") for _ in range(3)]
        assert names(hub.open(last=seen).until("reset")) == ["reset"]


def test_whoever_reads_slowly_is_told_what_they_lost_and_holds_up_nobody(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with serving(sqlite_database, tmp_path, Rhythm(poll=0.05, kept=2_000)) as hub:
        slow, quick = hub.open(buffer=4096), begun(hub)
        assert slow.status == 200
        got = 0
        for _ in range(8):
            tell_of(sqlite_database, "pay", subject="s" * 290, number=1_500)
            got += sum(1 for _ in range(1_500) if quick.until("health.changed"))
        assert got == 12_000
        assert "reset" in names(slow.until("reset"))


def test_what_is_committed_late_is_not_lost(postgres_database: Database, tmp_path: Path) -> None:
    with serving(postgres_database, tmp_path) as hub:
        reader = begun(hub)
        with postgres_database.write() as slow:
            faults.add(slow, "slow", StoredFault("x", {"message": "words"}, project=""), now=NOW)
            tell(postgres_database, "fast")
            time.sleep(0.3)
        got = reader.until("fault.raised") + reader.until("fault.raised")
        assert [message.data["ref"] for message in got] == ["slow", "fast"]


def test_topics_are_what_is_asked_for(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path) as hub:
        reader = begun(hub, "fault,run")
        tell_of(sqlite_database, "pay")
        tell(sqlite_database, "registry")
        assert names(reader.until("fault.raised")) == ["fault.raised"]
        refused = hub.get("/api/v1/events/stream?topics=fault,helth")
        assert refused.startswith(b"HTTP/1.1 422 ")
        assert b"health" in refused


SHOP = (
    "kind: Project\nmetadata: {name: shop}\nspec:\n  paths: ['shop/**']\n  clusterKinds: {}\n"
    "  roles: [{name: developer, groups: [team-shop], can: [read]}]\n"
)


def signed_in(hub: Served, database: Database, *groups: str) -> str:
    """Return the head that a browser sends in which somebody of these groups has signed in."""
    with database.read() as connection:
        user = users.find(connection, add_user(database, "ada", groups=groups))
    session = hub.app.state.gate.open_session(user, "127.0.0.1", password=CHEAP)
    return f"Cookie: {COOKIE}={session}\r\n"


def test_nobody_sees_events_of_another_project(sqlite_database: Database, tmp_path: Path) -> None:
    put_in_force(sqlite_database)
    with serving(sqlite_database, tmp_path, care=Care(comment=0.1)) as hub:
        reader = begun(hub, head=signed_in(hub, sqlite_database, "team-pay"))
        tell_of(sqlite_database, "shop", subject="eu-1/secret-shop")
        tell(sqlite_database, "secret-registry")
        tell_of(sqlite_database, "", subject="eu-1/secret-nobody")
        time.sleep(0.4)
        tell_of(sqlite_database, "pay", subject="eu-1/pay")
        got = reader.until("health.changed")
        assert [message.data["ref"] for message in got] == ["eu-1/pay"]
        # Whoever comes back behind a comment's place has missed nothing and is not reset.
        tell_of(sqlite_database, "shop", number=3)
        place = next(m.id for m in reader.messages() if m.name == ":" and m.id)
        assert names(hub.open(last=place).until("ready")) == ["ready"]


@pytest.mark.parametrize("by", ["the registry", "an admin here", "another process"])
def test_rights_that_are_taken_away_end_what_is_seen(sqlite_database: Database, tmp_path: Path, by: str) -> None:
    put_in_force(sqlite_database, shop=SHOP)
    never = Care(rights=3600) if by != "another process" else Care(rights=0.5)
    with serving(sqlite_database, tmp_path, care=never) as hub:
        gate: Gate = hub.app.state.gate
        reader = begun(hub, head=signed_in(hub, sqlite_database, "team-pay", "team-shop"))
        tell_of(sqlite_database, "pay", subject="eu-1/before")
        assert reader.until("health.changed")[-1].data["ref"] == "eu-1/before"
        without = update(UserRow).values(groups=["team-shop"])
        if by == "an admin here":
            with gate.changes() as connection:
                connection.execute(without)
        elif by == "another process":
            with sqlite_database.write() as connection:
                connection.execute(without)
        else:
            put_in_force(sqlite_database, shop=SHOP, pay=PAY.replace("team-pay", "others"))
        if by != "an admin here":
            time.sleep(HELD + 0.7)
        tell_of(sqlite_database, "pay", subject="eu-1/after")
        tell_of(sqlite_database, "shop", subject="eu-1/still")
        assert reader.until("health.changed")[-1].data["ref"] == "eu-1/still"


@pytest.mark.parametrize("change", [{"disabled_at": NOW}, None])
def test_it_ends_with_its_user(sqlite_database: Database, tmp_path: Path, change: dict[str, object] | None) -> None:
    with serving(sqlite_database, tmp_path, care=Care(comment=0.1, rights=3600)) as hub:
        reader = begun(hub, head=signed_in(hub, sqlite_database))
        gate: Gate = hub.app.state.gate
        with gate.changes() as connection:
            connection.execute(delete(UserRow) if change is None else update(UserRow).values(change))
        tell(sqlite_database, "registry")
        assert names(reader.until("end")) == ["end"]


def test_it_ends_with_the_session(sqlite_database: Database, tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    app.state.streams = Streams(sqlite_database, QUICK, care=Care(rights=0.3))
    session = app.state.gate.open_session(None, "127.0.0.1")
    with served(app) as hub:
        reader = hub.open(head=f"Cookie: {COOKIE}={session}\r\n")
        assert names(reader.until("ready")) == ["ready"]
        with sqlite_database.write() as connection:
            sessions.close_session(connection, session)
        (message,) = reader.until("end")
        assert (message.name, message.data) == ("end", {"code": "session.ended"})
        assert [*reader.messages()] == [], "and the answer is over"
        assert hub.open(head=f"Cookie: {COOKIE}={session}\r\n").status == 401


def test_it_says_when_the_hub_ends(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path) as hub, ThreadPoolExecutor(1) as aside:
        reader = begun(hub)
        last = aside.submit(reader.until, "end")
        at = time.monotonic()
        hub.stop()
        assert names(last.result(10)) == ["end"]
        assert time.monotonic() - at < 3, "it does not wait until answers are cut off"


def test_streams_have_a_share_and_requests_have_the_rest(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path, share=Share(in_all=100, of_source=90, of_viewer=5)) as hub:
        mine = [begun(hub) for _ in range(5)]
        refused = hub.get("/api/v1/events/stream")
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 30" in refused.lower()
        assert hub.get("/api/v1/status").startswith(b"HTTP/1.1 200 ")
        mine[0].connection.close()
        _again(hub)


def _again(hub: Served) -> None:
    """See that a stream which has ended has left its place to another."""
    end = time.monotonic() + 5
    while hub.open().status != 200:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(("share", "code"), [(Share(in_all=2), 503), (Share(of_source=2), 429)])
def test_all_together_have_a_bound(sqlite_database: Database, tmp_path: Path, share: Share, code: int) -> None:
    with serving(sqlite_database, tmp_path, share=share) as hub:
        kept = [begun(hub) for _ in range(2)]
        assert hub.open().status == code
        assert kept


def test_thousands_of_streams_starve_nobody(sqlite_database: Database, tmp_path: Path) -> None:
    """All come from one address, whoever they say they are; those that are too many are refused one way or another."""
    with serving(sqlite_database, tmp_path) as hub:
        kept = begun(hub)
        for _ in range(2_000):
            hub.open()
        assert hub.get("/api/v1/status", seconds=60).startswith(b"HTTP/1.1 200 ")
        tell(sqlite_database, "registry")
        assert kept.until("fault.raised", seconds=60)[-1].data["ref"] == "registry"


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "events" in statement:
            statements.append(statement)

    sql_events.listen(database._engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sql_events.remove(database._engine, "before_cursor_execute", note)


@pytest.mark.parametrize("streams", [1, 30])
def test_however_many_look_on_the_table_is_read_once(database: Database, tmp_path: Path, streams: int) -> None:
    with serving(database, tmp_path, Rhythm(poll=0.2)) as hub:
        readers = [begun(hub) for _ in range(streams)]
        with counted(database) as statements:
            time.sleep(2.0)
        assert 4 <= len(statements) <= 11
        assert readers


def test_nobody_reads_where_nobody_looks_on(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path, Rhythm(poll=0.05, linger=0.1)) as hub:
        with counted(sqlite_database) as statements:
            time.sleep(0.3)
            assert statements == []
        begun(hub).connection.close()
        time.sleep(1.0)
        with counted(sqlite_database) as statements:
            time.sleep(0.3)
            assert statements == []
        begun(hub)


def test_what_comes_faster_than_it_can_be_read_is_a_reset(sqlite_database: Database) -> None:
    async def look() -> tuple[list[Entry] | None, list[str]]:
        feed = Feed(sqlite_database, Rhythm(poll=60, kept=10, page=5, pages=2))
        await feed.join()
        at = feed.end
        await anyio.to_thread.run_sync(lambda: tell(sqlite_database, *(f"{n}" for n in range(40))))
        await feed._look()
        lost, kept = feed.since(at), feed.since(feed.end - 10)
        feed.close()
        assert kept is not None
        return lost, [str(one.position) for one in kept]

    lost, kept = anyio.run(look)
    assert lost is None
    assert kept == [str(one.position) for one in told(sqlite_database)[-10:]]


def test_a_database_that_does_not_answer_ends_streams_and_admits_none(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rhythm, care = Rhythm(poll=0.05, stale=0.4), Care(comment=0.2)
    with serving(sqlite_database, tmp_path, rhythm, care=care) as hub:
        reader = begun(hub)

        def broken(*_arguments: object, **_named: object) -> None:
            message = "the database is away"
            raise OSError(message)

        monkeypatch.setattr("common.store.events.stream.behind", broken)
        (message,) = reader.until("end")
        assert message.data == {"code": "events.stale"}
        assert hub.open().status == 503


def test_a_write_that_is_a_read_is_none(sqlite_database: Database, tmp_path: Path) -> None:
    with serving(sqlite_database, tmp_path) as hub:
        head = "Host: hub\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        assert hub.ask(f"POST /api/v1/events/stream HTTP/1.1\r\n{head}").startswith(b"HTTP/1.1 401 ")
        assert hub.open(head="").status == 401
        assert hub.open(head="Authorization: Bearer wrong\r\n").status == 401
