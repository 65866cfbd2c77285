"""How a tool ended: a crash of its own comes again with the same files, what something outside did may not."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from common.domain.errors import PermanentError
from workers.render.faults import ToolBoundsError, ToolFailedError, ToolKilledError
from workers.render.sandbox import Bounds, check_exit

BOUNDS = Bounds(cpu=timedelta(seconds=1), memory=1 << 30, output=1_000)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_an_overflowing_stack_is_the_files_fault_for_good(number: int) -> None:
    with pytest.raises(ToolFailedError) as raised:
        check_exit(-number, "thread 'main' has overflowed its stack", what="main.jsonnet", printed=0, bounds=BOUNDS)
    assert isinstance(raised.value, PermanentError)


GO_LIBRARY_CRASHED = "SIGSEGV: segmentation violation\nPC=0x7fde359ad53d m=3 sigcode=1 addr=0x0\n\n-----\n\n"
"""The last words of Go's runtime within Python: a nil pointer of its collector, which got no memory. As seen in CI."""


@pytest.mark.parametrize(
    "number", sorted(set(signal.Signals) - {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
)
def test_a_signal_that_a_runtime_gives_itself_is_the_files_fault(number: int) -> None:
    with pytest.raises((ToolFailedError, ToolBoundsError)):
        check_exit(-number, GO_LIBRARY_CRASHED, what="app", printed=0, bounds=BOUNDS)


def test_an_interruption_without_a_word_came_from_outside() -> None:
    """Go's runtime says why before it sends SIGQUIT to its threads; who ends a process that hangs says nothing."""
    with pytest.raises(ToolKilledError):
        check_exit(-signal.SIGQUIT, "", what="app", printed=0, bounds=BOUNDS)


def test_processor_time_that_a_runtime_caught_is_told_as_time() -> None:
    with pytest.raises(ToolBoundsError, match="used more than 1 CPU seconds"):
        check_exit(2, "SIGXCPU: cpu limit exceeded\nPC=0x47 m=0\n", what="app", printed=0, bounds=BOUNDS)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_was_killed_from_outside_is_tried_again(number: int) -> None:
    with pytest.raises(ToolKilledError):
        check_exit(-number, "", what="main.jsonnet", printed=0, bounds=BOUNDS)
