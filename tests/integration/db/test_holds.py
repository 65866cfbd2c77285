"""What was kept in words becomes a code with parameters, and back: no cluster is let go on the way."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from common.domain.holds import Hold
from common.domain.reasons import hold_sentence, sentence
from common.domain.refs import PlacementRef
from common.domain.status import Reason
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.state import clusters, placements

CHANGED = "identity changed: another cluster answers at its address (uid-b, was uid-a)"
HOLDS: dict[str, tuple[Hold, dict[str, Any]]] = {
    "paused": (Hold.PAUSED, {}),
    "sync.mode is manual: waits for `flotilla sync`": (Hold.MANUAL, {}),
    "frozen: the cluster's state is frozen": (Hold.FROZEN, {}),
    "its source was not resolved yet": (Hold.UNRESOLVED, {}),
    "git.unreachable: no such host": (Hold.UNREADABLE, {"message": "git.unreachable: no such host"}),
    "blocked: its project forbids it": (Hold.APPLICATION_BLOCKED, {"message": "its project forbids it"}),
    f"blocked: {CHANGED}": (Hold.IDENTITY_CHANGED, {"identity": "uid-b", "was": "uid-a"}),
    "blocked: the same cluster as eu, us": (Hold.SAME_CLUSTER, {"others": ["eu", "us"]}),
    "waits for an approval: 20 placements would leave (its cluster is draining)": (
        Hold.ASKED,
        {"placements": 20, "why": Hold.DRAINING.value},
    ),
}
_CLUSTER = (
    "INSERT INTO clusters (name, declared, state, pool, server, credentials, blocked, reachable, error_code, error, "
    "version, sweep_step, observe_step) VALUES (:name, true, 'active', 'default', '', '', :words, true, '', '', '', 0, "
    "0)"
)
_PLACEMENT = (
    "INSERT INTO placements (cluster, application, state, mark, hindrance, sync_status, health, health_reason, "
    "objects, pause_reason, failures) VALUES ('c', :name, 'placed', 'm', :words, 'unknown', 'unknown', '', 0, '', 0)"
)


def _run(database: Database, what: Any, revision: str) -> None:
    with database.write() as connection:
        what(upgrade.config(connection), revision)


def _insert(database: Database, statement: str, rows: dict[str, str]) -> None:
    with database.write() as connection:
        for name, words in rows.items():
            connection.execute(text(statement), {"name": name, "words": words})


def test_words_become_codes_that_say_the_same(database: Database) -> None:
    upgrade.downgrade(database, "0025")
    _insert(database, _CLUSTER, {"changed": CHANGED, "twin": "the same cluster as eu, us", "free": ""})
    _insert(database, _PLACEMENT, {f"a{n}": words for n, words in enumerate(HOLDS)})
    _run(database, command.upgrade, "head")
    with database.read() as connection:
        found = clusters.facts(connection)
        held = placements.everything(connection)
    assert (sentence(found["changed"].blocked), found["changed"].blocked.code) == (CHANGED, Hold.IDENTITY_CHANGED)
    assert found["twin"].blocked == Reason(Hold.SAME_CLUSTER, {"others": ["eu", "us"]})
    assert not found["free"].blocked
    for number, (words, (code, params)) in enumerate(HOLDS.items()):
        hold = held[PlacementRef("c", f"a{number}")].hold
        assert hold == Reason(code, params)
        assert hold_sentence(hold) == words


@pytest.mark.parametrize("words", [CHANGED, "the same cluster as eu, us"])
def test_a_blocked_cluster_is_blocked_after_going_back(database: Database, words: str) -> None:
    upgrade.downgrade(database, "0025")
    _insert(database, _CLUSTER, {"eu": words})
    _run(database, command.upgrade, "0029")
    upgrade.downgrade(database, "0025")
    with database.read() as connection:
        assert connection.execute(text("SELECT blocked FROM clusters")).scalar_one() == words
    _run(database, command.upgrade, "0029")
