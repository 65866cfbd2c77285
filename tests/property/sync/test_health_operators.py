"""No object that an operator, or somebody hostile, may write breaks the rule of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.domain.health import Health
from common.domain.reasons import sentence
from workers.sync.health import Context, assess
from workers.sync.health.operators import OPERATORS, OperatorRule
from workers.sync.health.operators.signals import (
    AllSignal,
    ConditionSignal,
    CountSignal,
    DifferenceSignal,
    EntrySignal,
    FieldSignal,
    FractionSignal,
    Path,
    Signal,
)

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
LAW = settings(max_examples=300)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(10**4000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


CONDITION = st.dictionaries(st.sampled_from(["type", "status", "reason", "message", "observedGeneration"]), JSON)


FIELDS = {name: JSON for name in ("phase", "state", "health", "message", "parents")}


STATUS = st.fixed_dictionaries({}, optional={**FIELDS, "conditions": st.lists(CONDITION)})


def obj(key: tuple[str, str], status: Any, spec: Any) -> dict[str, Any]:
    whole = {"apiVersion": f"{key[0]}/v1", "kind": key[1], "metadata": {"name": "x", "generation": 2}}
    return whole | ({} if status is None else {"status": status}) | ({} if spec is None else {"spec": spec})


def heard_of(signal: Signal) -> Iterator[tuple[Path, list[str]]]:
    """Yield each field that a signal reads, and words that it knows."""
    match signal:
        case FieldSignal():
            yield signal.path, sorted(signal.words)
        case CountSignal():
            yield from ((path, []) for path in (signal.count, signal.wanted, signal.less) if path)
        case DifferenceSignal():
            yield from ((signal.now, ["a", "b"]), (signal.wanted, ["a", "b"]))
        case FractionSignal():
            yield signal.path, ["0/2", "2/2", "/", "1/2/3"]
        case EntrySignal():
            yield from (((*signal.path, "*", *path), words) for path, words in heard_of(signal.of_entry))
        case AllSignal():
            yield from (field for one in signal.signals for field in heard_of(one))
        case ConditionSignal():
            yield (("status", "conditions", "*", "type"), [signal.type])
            yield (("status", "conditions", "*", "status"), sorted(signal.statuses))
            yield (("status", "conditions", "*", "reason"), sorted(signal.reasons))


def fields_of(rule: OperatorRule) -> list[tuple[Path, list[str]]]:
    words = [*rule.healthy, *rule.degraded, *rule.suspended, *rule.unknown]
    single = [
        (rule.phase, sorted(words)),
        (rule.seen, []),
        (rule.message, []),
        ((*rule.each, "*", "conditions") if rule.each else (), []),
    ]
    signals = (*rule.paused, *rule.failed, *rule.busy, *rule.impaired, *rule.held, *rule.well)
    heard = [field for signal in signals for field in heard_of(signal)]
    ready = [(("status", "conditions", "*", "type"), [name]) for name in rule.ready]
    return [(path, known) for path, known in (*single, *heard, *ready) if path]


def put(found: Any, path: Path, value: Any, *, listed: bool) -> Any:
    """Return what was found with a value where a rule looks for it; ``*`` is the first entry of a list or a mapping."""
    if not path:
        return value
    name, rest = path[0], path[1:]
    if name == "*":
        old = next(iter(found), None) if isinstance(found, list) else None
        entry = put(old, rest, value, listed=listed)
        return [entry] if listed else {"a": entry}
    mapping = found if isinstance(found, dict) else {}
    return {**mapping, name: put(mapping.get(name), rest, value, listed=listed)}


@st.composite
def aimed(draw: st.DrawFn) -> dict[str, Any]:
    """Return an object that has something at the very fields that the rule of its kind reads."""
    key = draw(st.sampled_from(sorted(OPERATORS)))
    whole: dict[str, Any] = obj(key, {}, {})
    for path, words in fields_of(OPERATORS[key]):
        if draw(st.booleans()):
            cut = draw(st.integers(1, len(path))) if draw(st.booleans()) else len(path)
            value = draw(st.sampled_from(words) | JSON if words else JSON)
            whole = put(whole, path[:cut], value, listed=draw(st.booleans()))
    return whole


@LAW
@given(key=st.sampled_from(sorted(OPERATORS)), status=JSON | STATUS, spec=JSON)
def test_no_status_breaks_a_rule(key: tuple[str, str], status: Any, spec: Any) -> None:
    report = assess(obj(key, status, spec), CONTEXT)
    assert report.health in Health
    assert report == assess(obj(key, status, spec), CONTEXT)


@LAW
@given(live=aimed())
def test_nothing_at_the_fields_that_a_rule_reads_breaks_it(live: dict[str, Any]) -> None:
    report = assess(live, CONTEXT)
    assert report.health in Health
    assert len(sentence(report.reason)) < 10_000


@given(size=st.integers(1_000, 3_000))
def test_what_is_said_of_a_huge_object_is_short(size: int) -> None:
    entry = {"state": "Rejected", "reason": "r" * 100_000, "message": "m" * 100_000}
    statuses = {str(each): {"state": "Accepted"} for each in range(size)} | {"last": entry}
    report = assess(obj(("gloo.solo.io", "Upstream"), {"statuses": statuses}, {}), CONTEXT)
    assert report.health is Health.DEGRADED
    assert len(sentence(report.reason)) < 10_000
