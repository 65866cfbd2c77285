"""Connections are counted by source and in all; the oldest without the token ends for a newcomer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from console.api.serving.crowd import Accepted, Crowd, Entrance, Room


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(Room(of_source=2, in_all=4, proxies="10.9.0.0/16"))


@pytest.fixture
def accept() -> Iterator[Callable[[], Accepted]]:
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

        def made() -> Accepted:
            opened.enter_context(socket.create_connection(server.getsockname()))
            return opened.enter_context(Accepted(fileno=server.accept()[0].detach()))

        yield made


def ended(one: Accepted) -> bool:
    one.settimeout(0.2)
    try:
        return one.recv(1) == b""
    except TimeoutError:
        return False


def test_one_source_ends_its_own_oldest_and_nobody_elses(crowd: Crowd, accept: Callable[[], Accepted]) -> None:
    other, first, second, third = (accept() for _ in range(4))
    assert crowd.admits(other, "10.0.0.9")
    assert all(crowd.admits(one, "10.0.0.1") for one in (first, second, third))
    assert [ended(one) for one in (other, first, second, third)] == [False, True, False, False]


def test_where_there_are_too_many_in_all_the_oldest_ends(crowd: Crowd, accept: Callable[[], Accepted]) -> None:
    many = [accept() for _ in range(5)]
    assert all(crowd.admits(one, f"10.0.0.{number}") for number, one in enumerate(many))
    assert [ended(one) for one in many] == [True, False, False, False, False]


def test_who_has_shown_the_token_stays_and_a_full_source_is_refused(
    crowd: Crowd, accept: Callable[[], Accepted]
) -> None:
    first, second, third = (accept() for _ in range(3))
    for one in (first, second):
        assert crowd.admits(one, "10.0.0.1")
        crowd.proved(one.fileno())
    assert not crowd.admits(third, "10.0.0.1")
    assert not ended(first)
    crowd.left(first.fileno())
    assert crowd.admits(third, "10.0.0.1")


def test_a_trusted_proxy_has_the_bound_of_all(crowd: Crowd, accept: Callable[[], Accepted]) -> None:
    many = [accept() for _ in range(4)]
    assert all(crowd.admits(one, "10.9.0.1") for one in many)
    assert not any(map(ended, many))


def test_who_is_let_in_waits_for_no_acknowledgement_between_head_and_body(crowd: Crowd) -> None:
    with Entrance(socket.create_server(("127.0.0.1", 0)), crowd) as server:
        with socket.create_connection(server.getsockname()):
            one, _ = server.accept()
            with one:
                assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
