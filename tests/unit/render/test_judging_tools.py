"""How a tool ended: a crash of its own comes again with the same files, what something outside did may not."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from common.domain.errors import PermanentError
from workers.render.faults import ToolFailedError, ToolKilledError
from workers.render.sandbox import Bounds, judge

BOUNDS = Bounds(time=timedelta(seconds=1), memory=1 << 30, output=1_000)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_an_overflowing_stack_is_the_files_fault_for_good(number: int) -> None:
    with pytest.raises(ToolFailedError) as raised:
        judge(-number, "thread 'main' has overflowed its stack", what="main.jsonnet", printed=0, bounds=BOUNDS)
    assert isinstance(raised.value, PermanentError)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_killed_from_outside_is_tried_again(number: int) -> None:
    with pytest.raises(ToolKilledError):
        judge(-number, "", what="main.jsonnet", printed=0, bounds=BOUNDS)
