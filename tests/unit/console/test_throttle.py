"""Guesses are counted by source and in all, in bounded memory; connections are counted by source."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.settings import Settings, SettingsError, settings
from console.api.door.throttle import Accounts, Throttle, Tries
from console.api.serving.sources import among, source_of

TRIES = Tries(timedelta(seconds=60), by_source=3, by_account=6, under_attack=1, sources=5)


def _throttle() -> tuple[Throttle, list[float]]:
    clock = [0.0]
    return Throttle(TRIES, clock=lambda: clock[0]), clock


def test_guessing_is_slowed_down_and_forgiven_later() -> None:
    throttle, clock = _throttle()
    for _ in range(3):
        assert throttle.allows("a")
        throttle.failed("a")
    assert not throttle.allows("a")
    assert throttle.allows("b")
    clock[0] = 61
    assert throttle.allows("a")


def test_while_all_guess_a_lot_each_has_fewer_tries_and_a_newcomer_has_one() -> None:
    throttle, clock = _throttle()
    for number in range(6):
        throttle.failed(f"source-{number % 3}")
    throttle.failed("b")
    assert not throttle.allows("b")
    assert throttle.allows("newcomer")
    clock[0] = 61
    throttle.failed("b")
    assert throttle.allows("b")


def test_who_shows_the_token_is_forgiven() -> None:
    throttle, _ = _throttle()
    throttle.failed("a")
    throttle.failed("a")
    throttle.succeeded("a")
    throttle.failed("a")
    assert throttle.allows("a")


def test_memory_is_bounded_and_the_last_that_failed_are_kept() -> None:
    throttle, _ = _throttle()
    for number in range(1000):
        for _ in range(3):
            throttle.failed(f"source-{number}")
    assert [throttle.allows(f"source-{number}") for number in (0, 994, 995, 999)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("uid:1000", "uid:1000"),
        ("", "unknown"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_a_source_is_an_address_or_the_network_of_a_customer(host: str, source: str) -> None:
    assert source_of(host) == source


def test_a_trusted_proxy_is_an_address_in_a_network() -> None:
    assert among("10.1.2.3", "127.0.0.1/32,10.0.0.0/8")
    assert not among("11.1.2.3", "127.0.0.1/32,10.0.0.0/8")
    assert not among("uid:0", "127.0.0.1/32")
    assert not among("127.0.0.1", "")


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert among("10.1.1.1", Settings(trusted_proxies="::1, 10.0.0.0/8").trusted_proxies)
    for wrong in ("*", "proxy.example.com", "10.0.0.1/8"):
        monkeypatch.setenv("FLOTILLA_TRUSTED_PROXIES", wrong)
        settings.cache_clear()
        with pytest.raises(SettingsError, match="FLOTILLA_TRUSTED_PROXIES"):
            settings()
    settings.cache_clear()


def test_nobody_puts_the_failures_with_a_name_out_by_asking_about_others() -> None:
    accounts = Accounts(TRIES, most=3, clock=lambda: 0.0)
    for number in range(6):
        accounts.of("ada").failed(f"source-{number}")
    accounts.of("ada").failed("a")
    for number in range(10):
        assert accounts.of(f"name-{number}").allows("b")
        accounts.of(f"name-{number}").succeeded("b")
    assert not accounts.of("ada").allows("a")


def test_of_the_names_that_failed_the_least_attacked_is_forgotten() -> None:
    accounts = Accounts(TRIES, most=3, clock=lambda: 0.0)
    for _ in range(3):
        accounts.of("ada").failed("a")
    for number in range(10):
        accounts.of(f"name-{number}").failed("b")
    assert not accounts.of("ada").allows("a")
    for _ in range(2):
        accounts.of("name-9").failed("b")
    assert not accounts.of("name-9").allows("b"), "the newest is remembered as well"
