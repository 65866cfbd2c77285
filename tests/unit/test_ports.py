"""Ports that tests are given."""

from __future__ import annotations

import pytest

from tests.fixtures import ports


def test_processes_of_the_suite_have_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    shares = []
    for number in range(3):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        shares.append(set(ports.share()))
        assert ports.free_port() in shares[-1]
    assert set.union(*shares) == set(ports.PORTS)
    assert sum(map(len, shares)) == len(ports.PORTS)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")  # in the place of one that crashed
    assert set(ports.share()) == shares[0]


def test_no_port_is_given_out_twice_and_none_is_one_of_outgoing_connections() -> None:
    given = [ports.free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    assert max(given) < 32000
