"""From Flower's tasks to runs: what a worker says of itself leads to no other page."""

from __future__ import annotations

import json

import pytest

from console.api.shell.flower import run_of

RUN = "0f5b2c3e-8a52-4f0e-9d4f-000000000001"


@pytest.mark.parametrize("args", [f"['{RUN}']", f"('{RUN}',)"])
def test_a_task_is_about_the_run_that_it_was_sent_for(args: str) -> None:
    assert run_of(json.dumps({"name": "flotilla.sync", "args": args}).encode()) == RUN


@pytest.mark.parametrize(
    "info",
    [
        {"name": "flotilla.observe", "args": f"['{RUN}']"}, {"name": "flotilla.sync", "args": "['../../logout']"},
        {"name": "flotilla.sync", "args": "['\"><script>']"}, {"name": "flotilla.sync", "args": f"['{RUN}', '{RUN}']"},
        {"name": "flotilla.sync", "args": ["x"]}, {"name": "flotilla.sync"}, {"name": ["flotilla.sync"]}, [], 7, None,
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_run_has_no_link(info: object) -> None:
    assert run_of(json.dumps(info).encode()) == ""


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"404: Not Found"])
def test_what_is_no_answer_has_none(text: bytes) -> None:
    assert run_of(text) == ""
