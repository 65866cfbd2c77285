"""Runs a target on bent inputs and says what went wrong, with what it takes to see it again.

To add a target, write one file in ``tests/fuzz/targets`` with one function:

    @target(seeds=[b"kind: Fleet ..."], refuses=(YamlError,), words=[b"kind:", b"&a "])
    def registry(data: bytes) -> None:
        load_documents(data, REGISTRY_LIMITS)

``seeds`` are inputs in order, ``words`` what the format is made of. The function takes any bytes and returns, or
raises one of ``refuses``; whatever else it raises is a crash. It may use what is made once (``functools.cache``). One
input may take 2 s of CPU, children that were waited for included; the process may grow by ``growth`` bytes for good,
and by ``peak`` at the worst moment. Where another process takes the inputs, ``aside`` returns its id, and its time and
memory count too. ``name`` stands for the function's own name, ``share`` is how many inputs the short
form tries. All options are those of ``Target``.

Inputs are numbered and depend on seed and number alone: ``python -m tests.fuzz NAME --number 17`` tries one again.

For an hour over all targets, whose end alone says what was tried, how slow it was and how much memory it kept:

    nohup nice .venv/bin/python -u -m tests.fuzz --minutes 60 > fuzz.log 2>&1 &
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pkgutil
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fixtures.cpu import cpu
from tests.fuzz import targets
from tests.fuzz.bending import Bender, bent

MEBIBYTE = 1 << 20
STALL = 2.0
"""Seconds of CPU."""
_HANGS = 30
"""Seconds of CPU after which an input is given up, if what it runs in lets itself be stopped."""
_WARM = 20
_MOST_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What is fed.

    Attributes:
        name: to call it by.
        feed: takes one input.
        seeds: inputs in order.
        refuses: what it may raise.
        words: what its format is made of.
        largest: bytes of an input.
        growth: bytes by which the process may grow for good.
        peak: bytes by which it may grow at the worst moment.
        share: inputs of the short form.
        bend: how inputs are bent: as bytes, or ``bent_json`` for a format in JSON.
        aside: starts the process that takes the inputs, where it is another one, and returns its id.
    """

    name: str
    feed: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refuses: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()
    largest: int = 256 << 10
    growth: int = 64 * MEBIBYTE
    peak: int = 512 * MEBIBYTE
    share: int = 150
    bend: Bender = bent
    aside: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one input.

    Attributes:
        what: happened.
        number: of the input.
        data: the input.
    """

    target: str
    what: str
    seed: int
    number: int
    data: bytes

    def __str__(self) -> str:
        again = f"python -m tests.fuzz {self.target} --seed {self.seed} --number {self.number}"
        return f"{self.what}\n  again: {again}\n  {len(self.data)} bytes: {self.data[:300]!r}"


@dataclass(slots=True)
class Report:
    """What a run over one target found."""

    tried: int = 0
    slowest: float = 0.0
    grown: int = 0
    peak: int = 0
    failures: list[Failure] = field(default_factory=list)


_TARGETS: dict[str, Target] = {}


def target(*, seeds: Sequence[bytes], **options: object) -> Callable[[Callable[[bytes], object]], Target]:
    """Register the function below as a target; options are the attributes of ``Target``."""

    def register(feed: Callable[[bytes], object]) -> Target:
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        name = str(given.pop("name", feed.__name__))
        assert name not in _TARGETS, f"two targets are called {name}"
        _TARGETS[name] = Target(name=name, feed=feed, seeds=tuple(seeds), **given)  # type: ignore[arg-type]
        return _TARGETS[name]

    return register


def found() -> dict[str, Target]:
    """Return every target by name."""
    for module in pkgutil.iter_modules(targets.__path__):
        importlib.import_module(f"{targets.__name__}.{module.name}")
    return dict(sorted(_TARGETS.items()))


def made(one: Target, *, seed: int, number: int) -> bytes:
    """Return input ``number`` of a target: the seeds themselves first, then bent ones."""
    if number < len(one.seeds):
        return one.seeds[number]
    chance = random.Random(f"{seed}:{one.name}:{number}")  # noqa: S311 - no secret is made of it
    return one.bend(one.seeds, one.words, chance, largest=one.largest)


def run(one: Target, numbers: Iterator[int], *, seed: int, until: float | None = None) -> Report:
    """Return what feeding a target found; ends early after a few failures.

    Args:
        one: the target.
        numbers: of the inputs to try.
        seed: of chance.
        until: monotonic seconds; None without end.
    """
    report = Report()
    at_first, highest = 0, 0
    for number in numbers:
        if until is not None and time.monotonic() > until:
            break
        data = made(one, seed=seed, number=number)
        what, took = _fed(one, data)
        report.tried += 1
        report.slowest = max(report.slowest, took)
        if not what and took > STALL:
            what = f"it took {took:.1f} s of CPU"
        if report.tried == _WARM:
            at_first, highest = _memory(one), _highest(one)
        elif report.tried > _WARM and _highest(one) - highest > one.peak:
            highest = _highest(one)
            what = what or f"it made the process grow by more than {one.peak >> 20} MiB"
        if what:
            report.failures.append(Failure(one.name, what, seed, number, data))
        if len(report.failures) >= _MOST_FAILURES:
            break
    if report.tried > _WARM:
        report.grown, report.peak = _memory(one) - at_first, _highest(one) - highest
        if report.grown > one.growth:
            what = f"the process grew by {report.grown >> 20} MiB over {report.tried} inputs"
            report.failures.append(Failure(one.name, what, seed, 0, b""))
    return report


class _HangsError(BaseException):
    """Raised inside of what does not end."""


def _fed(one: Target, data: bytes) -> tuple[str, float]:
    """Return what went wrong with an input, empty if nothing, and the seconds of CPU that it took."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, _HANGS)
    started = _cpu(one)
    try:
        one.feed(data)
    except one.refuses:
        what = ""
    except _HangsError:
        what = f"it does not end within {_HANGS} s"
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:300]} ({_place(error)})"
    else:
        what = ""
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return what, _cpu(one) - started


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _HangsError


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def _cpu(one: Target) -> float:
    own = cpu()
    if one.aside is None:
        return own
    # after the name in brackets, which may hold anything: proc_pid_stat(5)
    fields = Path(f"/proc/{one.aside()}/stat").read_text().rpartition(")")[2].split()
    return own + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _memory(one: Target) -> int:
    """Return the bytes that the processes hold, this one once it has given back what it can."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return sum(_status("VmRSS", of) for of in _processes(one))


def _highest(one: Target) -> int:
    return sum(_status("VmHWM", of) for of in _processes(one))


def _processes(one: Target) -> tuple[int, ...]:
    return (os.getpid(),) if one.aside is None else (os.getpid(), one.aside())


def _status(name: str, process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
