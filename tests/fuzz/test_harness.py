"""The harness itself: it sees a crash, a stall and growth, and makes the same input twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

from tests.fuzz.bending import bent_json
from tests.fuzz.harness import MEBIBYTE, STALL, Target, made, run

_KEPT: list[bytes] = []


def _wrong(data: bytes) -> None:
    raise LookupError(data)


def _refused(data: bytes) -> None:
    raise ValueError(data)


def _slow(_data: bytes) -> None:
    until = time.process_time() + STALL + 0.2
    while time.process_time() < until:
        pass


def _fat(data: bytes) -> None:
    _KEPT.append(bytes(MEBIBYTE) + data)


def _failures(target: Target, tries: int = 1) -> list[str]:
    return [failure.what for failure in run(target, iter(range(tries)), seed=1).failures]


def test_it_sees_a_crash() -> None:
    assert "LookupError: b'a'" in _failures(Target("x", _wrong, (b"a",)))[0]


def test_what_is_declared_is_no_crash() -> None:
    assert not _failures(Target("x", _refused, (b"a",), refuses=(ValueError,)))


def test_it_sees_a_stall() -> None:
    assert "of CPU" in _failures(Target("x", _slow, (b"a",)))[0]


def test_it_sees_growth() -> None:
    assert "grew by" in _failures(Target("x", _fat, (b"a",), growth=16 * MEBIBYTE), 60)[-1]
    _KEPT.clear()


def test_it_sees_a_stall_and_growth_of_another_process() -> None:
    code = "import sys; kept = []\nfor _ in sys.stdin: sum(range(15_000_000)); kept.append('x' * (40 << 20)); print()"
    command = [sys.executable, "-uc", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        asks, answers = child.stdin, child.stdout
        assert asks is not None
        assert answers is not None

        def feed(_data: bytes) -> None:
            asks.write("\n")
            asks.flush()
            answers.readline()

        target = Target("x", feed, (b"a",), aside=lambda: child.pid, growth=16 * MEBIBYTE)
        assert run(target, iter(range(2)), seed=1).slowest > 0.1
        quick = replace(
            target, feed=lambda data: feed(data) if data == b"fat" else None, seeds=(b"a",) * 30 + (b"fat",)
        )
        assert "grew by" in run(quick, iter(range(31)), seed=1).failures[-1].what
        asks.close()


def test_json_stays_json_where_its_values_are_bent() -> None:
    seed = json.dumps({"metadata": {"name": "a", "labels": {"b": "c"}}, "items": [{"d": 1}, None]}).encode()
    target = Target("x", _refused, (seed,), words=(b'"name":', b"x"), bend=bent_json)
    inputs = [made(target, seed=1, number=number) for number in range(300)]
    assert inputs == [made(target, seed=1, number=number) for number in range(300)]
    assert len(set(inputs)) > 250
    assert 150 < sum(map(_is_json, inputs)) < 300


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_the_same_number_makes_the_same_input() -> None:
    target = Target("x", _refused, (b"some: words\n", b"- and\n- more\n"), words=(b"key: ",))
    first = [made(target, seed=1, number=number) for number in range(200)]
    assert first == [made(target, seed=1, number=number) for number in range(200)]
    assert len(set(first)) > 150
    assert first != [made(target, seed=2, number=number) for number in range(200)]
    assert max(map(len, first)) > 50_000
