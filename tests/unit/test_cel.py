"""Expressions: what is refused when it is written, and what happens when it meets an object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from common.cel import ExpressionError, predicate


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("self.a ==", "column 10: Syntax error"),
        ("nobody", "column 1: undeclared reference to 'nobody'"),
        ("1 + 1", "it gives int, not true or false"),
        ("'yes'", "it gives string"),
        ("", "Syntax error"),
        ("(" * 200 + "true" + ")" * 200, "recursion limit"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why.replace("(", r"\(")):
        predicate(text)


def test_a_field_that_is_not_there_makes_it_false() -> None:
    assert not predicate("self.status.phase == 'Ready'").holds({})
    assert predicate("self.status.phase == 'Ready'").holds({"status": {"phase": "Ready"}})
    assert predicate("!has(self.status.phase)").holds({"status": {}})


@pytest.mark.parametrize(
    ("value", "kind"),
    [("hunter2", "string"), (None, "null"), (["hunter2"], "list"), ({"hunter2": 1}, "map"), (7, "int")],
)
def test_what_is_neither_true_nor_false_is_told_by_its_type_alone(value: object, kind: str) -> None:
    with pytest.raises(ExpressionError, match=f"^it gives {kind}, not true or false$"):
        predicate("self.a").holds({"a": value})


def test_the_same_answer_is_told_in_the_same_words() -> None:
    subject = {"a": {f"key-{number}": number for number in range(20)}}
    told = set()
    for _ in range(20):
        with pytest.raises(ExpressionError) as refused:
            predicate("self.a").holds(subject)
        told.add(str(refused.value))
    assert len(told) == 1


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="No matching overloads"):
        predicate("self.a > 'x'").holds({"a": 1})


def test_one_expression_serves_many_threads() -> None:
    rule = predicate("self.l.exists(x, x == self.n)")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: rule.holds({"l": [0, 2, 4, 6], "n": n}), range(400)))
    assert found == [n in {0, 2, 4, 6} for n in range(400)]


def test_what_does_not_fit_is_said_without_the_object_around_it() -> None:
    with pytest.raises(ExpressionError) as told:
        predicate("self.data.a == 1").holds({"data": {"a": 10**400, "password": "hunter2"}})
    assert "hunter2" not in str(told.value)
    assert len(str(told.value)) <= 200
