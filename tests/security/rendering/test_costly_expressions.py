"""Foreign text holds the interpreter: CEL whose steps are few and whose steps are dear.

Each runs in a process that is ended; the worker's threads go on, the object's health is unknown with the rule named as
the reason, and the same expression is not tried again at every object.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from common.cel import ExpressionError
from common.domain.fleet import HealthRule
from common.domain.health import Health
from common.domain.reasons import sentence
from workers.render.rules.evaluation import MEMORY, NOT_AGAIN, TIME, Expressions
from workers.render.sandbox import Bounds
from workers.sync.health import Context, assess, own_rules


class Clock:
    """Monotonic seconds that stand still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def expressions(clock: Clock) -> Iterator[Expressions]:
    made = Expressions(Bounds(), clock=clock)
    yield made
    made.close()


def doubled(text: str, times: int) -> str:
    for _ in range(times):
        text = f"({text}+{text})"
    return text


MEGABYTE = "x" * 1_000_000
ATTACKS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "strings doubled": (f"size({doubled('self.a', 9)}) > 1", {"a": MEGABYTE}),
    "lists doubled": (f"size({doubled('self.l', 9)}) > 1", {"l": [0] * 200_000}),
    "one string for each item": (
        "size(self.l.map(x, self.a + self.a + self.a)) > 1",
        {"a": MEGABYTE, "l": [0] * 3_000},
    ),
    "long texts compared for each item": (
        "self.l.all(x, self.a + 'x' == self.b + 'x')",
        {"a": MEGABYTE, "b": MEGABYTE, "l": [0] * 90_000},
    ),
    "patterns over long texts": ("self.l.all(x, !self.a.matches('(x+)+y'))", {"a": MEGABYTE, "l": [0] * 90_000}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_costs_too_much_ends_and_the_worker_goes_on(expressions: Expressions, attack: str) -> None:
    text, fields = ATTACKS[attack]
    live = {"apiVersion": "example.com/v1", "kind": "Box", "metadata": {"name": "x"}, **fields}
    own = own_rules([HealthRule("Box", "example.com", healthy=text)], expressions.of("team"))
    with stalls() as longest:
        began = time.monotonic()
        report = assess(live, Context(now=datetime.now(UTC)), own)
        taken = time.monotonic() - began
    assert report.health is Health.UNKNOWN
    assert "cannot be used" in sentence(report.reason)
    assert taken < TIME.total_seconds() + 8, "its process starts, works, and is ended"
    assert max(longest) < 2


class stalls:  # noqa: N801 - reads as a function
    """Measures, inside a block, how long a thread that does nothing is kept from it."""

    def __enter__(self) -> list[float]:
        self._over = threading.Event()
        self._found = [0.0]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self._found

    def _run(self) -> None:
        last = time.monotonic()
        while not self._over.wait(0.01):
            now = time.monotonic()
            self._found.append(now - last)
            last = now

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_what_broke_its_bounds_is_not_tried_again_at_every_object(expressions: Expressions, clock: Clock) -> None:
    text, subject = ATTACKS["strings doubled"]
    first = expressions.of("team").first
    with pytest.raises(ExpressionError, match=f"more than {TIME.total_seconds():g} s or {MEMORY >> 20} MB"):
        first([text], subject)
    began = time.monotonic()
    for _ in range(1_000):
        with pytest.raises(ExpressionError, match="make it simpler"):
            first([text], {})
    assert time.monotonic() - began < 1
    assert expressions.of("other").first([text], {"a": "x"}) == 0, "it is refused to nobody else"
    clock.now += NOT_AGAIN.total_seconds() + 1
    assert first([text], {"a": "x"}) == 0


def test_honest_expressions_are_answered_as_in_this_process(expressions: Expressions) -> None:
    first = expressions.of("team").first
    assert first(["self.a > 1", "self.b == 'x'"], {"a": 1, "b": "x"}) == 1
    assert first(["self.a > 1"], {"a": 1}) is None
    assert first(["self.a.b"], {}) is None
    with pytest.raises(ExpressionError, match="not true or false"):
        first(["self.a"], {"a": "x"})


def test_one_project_does_not_keep_the_others_waiting(expressions: Expressions) -> None:
    text, subject = ATTACKS["patterns over long texts"]
    assert expressions.of("other").first(["true"], {}) == 0
    busy = [threading.Thread(target=_tried, args=(expressions, [f"{text} || {n} == -1"], subject)) for n in range(4)]
    for thread in busy:
        thread.start()
    began = time.monotonic()
    assert expressions.of("other").first(["true"], {}) == 0
    assert time.monotonic() - began < TIME.total_seconds()
    for thread in busy:
        thread.join()


def _tried(expressions: Expressions, texts: list[str], subject: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError):
        expressions.of("team").first(texts, subject)
