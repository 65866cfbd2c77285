"""No statement of the store reads a whole large table: each is planned generically, on filled tables.

From about its tenth execution PostgreSQL plans a prepared statement without its parameters. A condition of a partial
index that came as a parameter is unknown then, and the index of no use.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

import common.store
from common.domain.errors import FlotillaError
from common.domain.events import Event, EventKind, Position
from common.domain.refs import GitRef, PlacementRef, RunId, SourceRef
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome, Trigger
from common.domain.status import Reason
from common.store.engine import roles
from common.store.queue.attempts import AttemptEnding
from common.store.queue.retention import BATCH
from common.store.reads import leftovers, placements
from common.store.reads import runs as run_reads
from common.store.reads.placements import PlacementFilter
from common.store.reads.runs import RunFilter
from common.store.schema.months import PARTED, Partition
from common.store.state.findings import NewFinding
from tests.integration.db.filled import ROWS, fill


class Reader(NamedTuple):
    """A reader of events that does nothing with them."""

    name: str
    kinds: tuple[EventKind, ...] = ()

    def take(self, connection: Connection, events: Sequence[Event], *, now: datetime) -> None:
        """Do nothing."""


RUN = RunId("01990000-0000-7000-8000-000000000100")
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "queue.attempts.note_stuck": {"lease": "placement:2", "token": f"{RUN}.1"},
    "state.placements.any_left": {"refs": (PlacementRef("c1", "a1"),)},
    "state.placement_rows.set_columns": {"values": {"changed_at": None}},
    "state.status.write": {
        "row": SimpleNamespace(
            **dict.fromkeys(("failure_code", "contact_code", "found_code", "sync_status"), ""),
            **dict.fromkeys(("desired_source_digest", "desired_parameters_digest", "confirmed_at"), None),
            **dict.fromkeys(("applied_source_digest", "applied_parameters_digest"), None),
            id=1,
            state="placed",
        ),
        "values": {"objects": 1},
    },
    "state.users.change": {"values": {"role": "admin"}},
    "state.findings.file": {"found": (NewFinding(2, Trigger.DRIFT, Reason("cause.drifted")),)},
    "events.readers.advance": {"reader": Reader("reader-1")},
    "events.readers.waiting": {"readers": (Reader("reader-1"), Reader("reader-2", (EventKind.FAULT_RAISED,)))},
    "events.stream.behind": {"position": Position(1, RUN)},
    "queue.retention.delete_runs": {"limit": BATCH, "after": (datetime(2026, 1, 1, tzinfo=UTC), RUN)},
    "queue.months.kept": {"runs": Partition("runs", "runs_before", None, RUN), "after": RUN},
    "queue.months.drop": {"kept": (RUN,), "month": (Partition("runs", "runs_before", None, RUN),)},
    "queue.runs.end": {"came_to": None},
    **{f"queue.inspections.{name}": {"id_": RUN} for name in ("get", "take", "answer", "fail")},
    **{f"queue.inspections.{name}": {"ids": (RUN,)} for name in ("mark_sent", "unsend")},
    "reads.commits.together": {
        "seen": (
            SimpleNamespace(
                line=SimpleNamespace(source_id=1, commit="c" * 40), seen_at=datetime(2026, 1, 1, tzinfo=UTC)
            ),
        ),
    },
    "reads.runs.runs": {"after": RUN},
    "reads.audit.audit": {"after": "7"},
    "reads.fleet.approvals": {"after": "7"},
    "reads.fleet.faults": {"after": '["project/a1","a1.yaml",7,7]'},
    "reads.fleet.clusters": {"only": None},
    "reads.placements.troubled": {"after": "3:c1/a1"},
    "reads.leftovers.leftovers": {"after": "c1\na1\napps\nDeployment\ndefault\nweb"},
}
"""Arguments whose type does not say what they hold."""
LARGE = frozenset(name for name, rows in ROWS.items() if rows >= 5_000)
LARGE |= frozenset(f"{name}_before" for name in PARTED)  # where their rows are
ELSEWHERE = ("engine.", "schema.")
"""Functions that ask nothing, or that run when a hub is set up."""
WHOLE: Mapping[str, frozenset[str]] = {
    "state.counts.recount": frozenset({"placements"}),  # once a day
    "state.placements.everything": frozenset({"placements", "placement_sources"}),
    "state.placement_sources.everywhere": frozenset({"placements", "placement_sources"}),
    "state.sources.change_marker": frozenset({"source_digests"}),
    "reads.picture.picture": frozenset({"placements"}),  # a byte of each
    "queue.months.kept": frozenset({"approvals"}),  # once for a slice of a month, once a month
    "queue.months.drop": LARGE,  # counted before it goes, once a month
}
"""Tables that a function may read as a whole: a full plan is made of all placements, and of every digest there is."""

USED: Mapping[str, tuple[Callable[..., object], Mapping[str, Any]]] = {
    "ix_placements_severity": (placements.troubled, {"scope": ALL, "which": PlacementFilter(), "after": "3:c1/a1"}),
    "ix_placements_unsynced": (placements.placements, {"scope": ALL, "which": PlacementFilter(sync="failed")}),
    "ix_inventory_unwanted": (leftovers.leftovers, {"scope": ALL}),
    "ix_runs_tail": (run_reads.by_part, {"scope": ALL, "part": "a0b1c2", "limit": 8}),
    "ix_runs_unsuccessful": (run_reads.runs, {"scope": ALL, "which": RunFilter(outcome="failed")}),
}
"""Partial indexes, each with what asks for just those rows."""
SCHEDULERS = frozenset({"state.findings.waiting_pools"})
"""Functions that no worker calls, and that a policy which picks out one pool gives another plan."""


def functions() -> dict[str, Callable[..., object]]:
    """Return every public function of the store that works on a connection, by module and name."""
    found = {}
    for module in pkgutil.walk_packages(common.store.__path__, "common.store."):
        if ".migrations" in module.name:
            continue
        for name, one in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(one) and one.__module__ == module.name and not name.startswith("_"):
                first = next(iter(inspect.signature(one).parameters), "")
                if first == "connection":
                    found[f"{module.name.removeprefix('common.store.')}.{name}"] = one
    return {name: one for name, one in found.items() if not name.startswith(ELSEWHERE)}


def given_for(annotation: Any) -> st.SearchStrategy[Any]:
    """Return some values of a type, never an empty collection: for nothing nothing is asked."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is Any:
        return st.integers(0, 9)
    if origin in {Union, UnionType}:
        return given_for(next(each for each in inner if each is not NoneType))
    if origin in _LISTS or (origin is tuple and inner[-1] is Ellipsis):
        return st.lists(given_for(inner[0]), min_size=2, max_size=2).map(tuple)
    if origin in _MAPPINGS:
        return st.dictionaries(given_for(inner[0]), given_for(inner[1]), min_size=2, max_size=2)
    if origin is tuple:
        return st.tuples(*map(given_for, inner))
    if isinstance(annotation, type) and is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return st.builds(annotation, **{each.name: given_for(hints[each.name]) for each in fields(annotation)})
    return st.from_type(annotation)


_LISTS = (Sequence, Iterable, Collection, list, set, frozenset)
_MAPPINGS = (Mapping, dict)
_NAMES = st.sampled_from(["c2/a2", "c4/a4"])
_PLAIN = {
    int: st.integers(1, 500).map(lambda half: 2 * half),
    str: _NAMES,
    datetime: st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zoned by hypothesis
    timedelta: st.timedeltas(timedelta(seconds=1), timedelta(days=1)),
    SourceRef: st.builds(GitRef, _NAMES, st.just(""), st.just("refs/heads/main")),
    RunId: st.just(RUN),
    AttemptEnding: st.just(AttemptEnding(AttemptOutcome.SUCCEEDED)),
}
"""Values of some types. Numbers and names are even, for even clusters are of pool ``default``: another pool's row is
refused before anything is explained."""


def plans(messages: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement that the server explained, with every step of its plan."""
    for message in messages:
        _, _, body = message.partition("plan:\n")
        if body:
            explained = json.loads(body)
            yield from ((explained["Query Text"], step) for step in steps(explained["Plan"]))


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps(inner)


def offence(statement: str, step: dict[str, Any]) -> str:
    """Return what is wrong with a step of a plan; empty where nothing is."""
    if step["Node Type"] == "Seq Scan" and step.get("Relation Name") in LARGE:
        return f"{step['Relation Name']} is read as a whole: {' '.join(statement.split())}"
    return ""


def asks_for_each_row(step: dict[str, Any]) -> bool:
    """Return whether a step of a plan asks for each of its rows whose role it is."""
    return any("flotilla_pool()" in one for one in step.values() if isinstance(one, str))


class Explained:
    """A database that explains each statement with the plan that serves any parameters.

    Args:
        url: of its owner.
        role: that statements are sent as; empty for the owner.
    """

    def __init__(self, url: str, *, role: str = "") -> None:
        self.said: list[str] = []
        self._role = role
        self._engine = create_engine(url)
        event.listen(self._engine, "connect", self._prepare)

    def _prepare(self, connection: Any, _record: object) -> None:
        # Prepared at its first execution.
        connection.prepare_threshold = 0
        connection.add_notice_handler(lambda notice: self.said.append(notice.message_primary))
        with connection.cursor() as cursor:
            cursor.execute("LOAD 'auto_explain'")
            for setting in ("log_min_duration = 0", "log_level = notice", "log_format = json"):
                cursor.execute(f"SET auto_explain.{setting}")
            cursor.execute("SET plan_cache_mode = force_generic_plan")
            if self._role:
                cursor.execute(f"SET SESSION AUTHORIZATION {self._role}")
        connection.commit()

    def call(self, function: Callable[..., object], arguments: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Call a function in a transaction that leaves nothing; return what the server planned for it."""
        self.said.clear()
        with self._engine.connect() as connection:
            # What it makes of what was drawn does not matter here: rows that are not there, values out of range.
            with suppress(FlotillaError, SQLAlchemyError, LookupError, ValueError, TypeError, AttributeError):
                answer = function(connection, **arguments)
                if isinstance(answer, Iterator):  # asks once it is read
                    list(answer)
            connection.rollback()
        return list(plans(self.said))

    def dispose(self) -> None:
        self._engine.dispose()


@pytest.fixture
def filled(postgres_url: str) -> str:
    """Return the URL of a large hub's database, in which pool ``default`` has its role."""
    engine = create_engine(postgres_url)
    try:
        with engine.begin() as connection:
            fill(connection)
            roles.grant(connection, "default", roles.default_role("default"))
    finally:
        engine.dispose()
    return postgres_url


@pytest.fixture
def explained(filled: str) -> Iterator[Explained]:
    made = Explained(filled)
    yield made
    made.dispose()


@pytest.fixture
def explained_to_workers(filled: str) -> Iterator[Explained]:
    made = Explained(filled, role=roles.default_role("default"))
    yield made
    made.dispose()


def test_no_statement_reads_a_whole_large_table(explained: Explained) -> None:
    found, explained_of = called(explained)
    offences = [f"{name}: {what}" for name, each in found.items() for what in sorted(each)]
    assert not offences, "\n".join(offences)
    unasked = [name for name in functions() if not explained_of[name]]
    assert not unasked, unasked


def test_no_policy_makes_a_pools_role_read_a_whole_large_table(explained_to_workers: Explained) -> None:
    found, explained_of = called(explained_to_workers)
    offences = [f"{name}: {what}" for name, each in found.items() if name not in SCHEDULERS for what in sorted(each)]
    assert not offences, "\n".join(offences)
    hot = (
        "queue.claims.",
        "queue.attempts.",
        "state.observations.",
        "state.outcomes.",
        "state.placement_status.",
        "state.retries.",
        "state.inventory.",
        "state.healths.",
    )
    unasked = [name for name in functions() if name.startswith(hot) and not explained_of[name]]
    assert not unasked, unasked


@pytest.mark.parametrize("index", sorted(USED))
def test_an_index_of_few_is_used_for_them(explained: Explained, index: str) -> None:
    function, arguments = USED[index]
    used = {str(step.get("Index Name", "")) for _, step in explained.call(function, arguments)}
    # Of a partitioned table each part has its own, which is called so too.
    assert any(name.startswith(index) for name in used), used


def called(explained: Explained) -> tuple[Mapping[str, set[str]], Mapping[str, int]]:
    """Call every function of the store; return what is wrong with the plans of each, and how many it has."""
    found: dict[str, set[str]] = defaultdict(set)
    explained_of: dict[str, int] = defaultdict(int)

    @settings(
        max_examples=2,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def call_everything(data: st.DataObject) -> None:
        for name, function in functions().items():
            hints = get_type_hints(function)
            known = GIVEN.get(name, {})
            taken = {key: hints[key] for key in list(inspect.signature(function).parameters)[1:] if key not in known}
            arguments = {key: data.draw(given_for(hint), label=f"{name}.{key}") for key, hint in taken.items()}
            for statement, step in explained.call(function, {**arguments, **known}):
                explained_of[name] += 1
                if (what := offence(statement, step)) and step["Relation Name"] not in WHOLE.get(name, ()):
                    found[name].add(what)
                if asks_for_each_row(step):
                    found[name].add(f"the pool is asked for each row: {' '.join(statement.split())}")

    call_everything()
    return found, explained_of
