"""The harness itself: it sees a crash, a stall and growth, and makes the same input twice."""

from __future__ import annotations

import time

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


def test_the_same_number_makes_the_same_input() -> None:
    target = Target("x", _refused, (b"some: words\n", b"- and\n- more\n"), words=(b"key: ",))
    first = [made(target, seed=1, number=number) for number in range(200)]
    assert first == [made(target, seed=1, number=number) for number in range(200)]
    assert len(set(first)) > 150
    assert first != [made(target, seed=2, number=number) for number in range(200)]
    assert max(map(len, first)) > 50_000
