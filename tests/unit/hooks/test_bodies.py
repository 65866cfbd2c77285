"""Bodies of webhooks share a memory: who fills it ends their own, and others get through."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from console.api.door.rate import Rate
from console.api.hooks.bodies import Bodies
from console.api.hooks.errors import HooksBusyError, HookUnreadableError
from console.api.hooks.payload import payload

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _sent(*parts: bytes, then: asyncio.Event | None = None) -> Receive:
    """Return what gives these parts, and waits for ``then`` before the last."""
    left = list(parts)

    async def receive() -> Message:
        if len(left) == 1 and then is not None:
            await then.wait()
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive


async def test_a_body_is_read_whole_and_counts_until_it_is_freed() -> None:
    bodies = Bodies(in_all=10)
    body = await bodies.read(_sent(b"abc", b"", b"def"))
    assert body.chunks == [b"abc", b"", b"def"]
    with pytest.raises(HooksBusyError):
        await bodies.read(_sent(b"12345"))
    bodies.free(body)
    bodies.free(body)
    assert (await bodies.read(_sent(b"1234567890"))).size == 10


async def test_where_the_memory_is_full_the_largest_unfinished_body_ends() -> None:
    bodies, go = Bodies(in_all=100), asyncio.Event()
    slow = [asyncio.create_task(bodies.read(_sent(b"x" * size, b"y", then=go))) for size in (40, 50)]
    await asyncio.sleep(0)
    small = await bodies.read(_sent(b"z" * 20))
    assert small.size == 20
    go.set()
    first, second = await asyncio.gather(*slow, return_exceptions=True)
    assert not isinstance(first, BaseException)
    assert isinstance(second, HooksBusyError)


async def test_a_body_that_takes_too_long_ends_and_counts_no_more() -> None:
    bodies = Bodies(in_all=10, patience=timedelta(milliseconds=20))
    with pytest.raises(HooksBusyError):
        await bodies.read(_sent(b"12345678", b"9", then=asyncio.Event()))
    assert (await bodies.read(_sent(b"1234567890"))).size == 10


async def test_a_sender_that_leaves_counts_no_more() -> None:
    async def left() -> Message:
        return {"type": "http.disconnect"}

    bodies = Bodies(in_all=10)
    with pytest.raises(ClientDisconnect):
        await bodies.read(left)
    assert (await bodies.read(_sent(b"1234567890"))).size == 10


def test_so_many_a_second_and_each_name_for_itself() -> None:
    now = 0.0
    rate = Rate(per_second=2, at_once=3, names=2, clock=lambda: now)
    assert [rate.takes("a") for _ in range(5)] == [True, True, True, False, False]
    assert rate.takes("b")
    now = 0.5
    assert [rate.takes("a") for _ in range(2)] == [True, False]
    now = 100.0
    assert [rate.takes("a") for _ in range(4)] == [True, True, True, False]


def test_the_names_that_are_remembered_are_bounded() -> None:
    rate = Rate(per_second=0.001, at_once=1, names=2, clock=lambda: 0.0)
    names: Sequence[str] = ("a", "b", "c")
    assert [rate.takes(name) for name in names] == [True, True, True]
    assert [rate.takes(name) for name in ("c", "a")] == [False, True]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"1", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"{}x", b"\xff", b"\x1f\x8b\x08\x00",
        b"payload=", b"payload=%7B", b"payload=%FF", b"a&" * 100, b"payload=1&" * 100,
        b"{\"a\":[" + b"{}," * 400_000 + b"{}]}",
    ],
)  # fmt: skip
def test_what_is_no_object_of_json_is_refused(body: bytes) -> None:
    with pytest.raises(HookUnreadableError):
        payload(body)


def test_a_form_is_read_as_what_is_in_it() -> None:
    assert payload(b"payload=%7B%22ref%22%3A+%22a+b%22%7D&x=1") == {"ref": "a b"}
    assert payload(b'{"ref": "payload=x"}') == {"ref": "payload=x"}
