"""One compromised worker: the keys that one pool's workers have give no order to another's.

Class "one compromised worker": the attacker has everything that a worker of pool ``eu`` was given, and the marker is a
message that a worker of ``us``, or the scheduler, would take for one of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.errors import KeyFileError, MessageRefusedError
from common.broker.keys import MessageKeys, message_keys, pool_keys
from common.broker.signing import KEY, QUEUE, sign, verify
from common.domain.codes import MessageReason
from common.domain.queues import now_queue, pool_of
from common.settings import Settings, settings
from console.cli.main import app as flotilla

SUBJECT = "42"
BODY: list[Any] = [[SUBJECT], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
MASTER = MessageKeys("k2", {"k2": b"2" * 32, "k1": b"1" * 32})
EU, US = MASTER.of("eu"), MASTER.of("us")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(keys: MessageKeys, queue: str, **headers: Any) -> dict[str, Any]:
    """Return the headers of a message, signed with ``keys`` as they are, whosever they are said to be."""
    own: dict[str, Any] = {"task": messages.SYNC, "id": "x", "retries": 0}
    claimed = replace(keys, pool=pool_of(queue))
    return {**own, **sign(claimed, own, SUBJECT, queue=queue, now=NOW), **headers}


def refusal(keys: MessageKeys, headers: dict[str, Any], queue: str) -> MessageReason | None:
    try:
        verify(keys, headers, BODY, queue=queue, now=NOW)
    except MessageRefusedError as error:
        return error.why
    return None


@pytest.mark.parametrize("queue", ["us", now_queue("us")])
def test_a_pools_workers_and_the_scheduler_understand_each_other(queue: str) -> None:
    for sender, taker in [(MASTER, US), (US, US), (US, MASTER)]:
        assert refusal(taker, message(replace(sender.of("us")), queue), queue) is None
    assert refusal(US, message(US.of("us"), queue, redelivered=True), queue) is None


ATTACKS: dict[str, Callable[[], dict[str, Any]]] = {
    "its own key, for the other's queue": lambda: message(EU, "us"),
    "its own key, for its own queue, moved": lambda: message(EU, "eu"),
    "its own key, with a header that lies": lambda: message(EU, "eu", **{QUEUE: "us"}),
    "its older key": lambda: message(replace(EU, signing="k1"), "us"),
    "its own key under another id": lambda: message(EU, "us", **{KEY: "k1"}),
    "its own key as if others were derived from it": lambda: message(replace(EU, pool=None).of("us"), "us"),
    "derived from its own for its own": lambda: message(replace(EU, pool=None).of("eu"), "us"),
    "an id that nobody has": lambda: message(EU, "us", **{KEY: "us:k2"}),
    "a key of the pool that is called like the queue": lambda: message(replace(EU, pool=None).of("us.now"), "us"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("taker", [US, MASTER], ids=["worker", "scheduler"])
def test_nothing_that_its_keys_sign_is_an_order_to_another_pool(attack: str, taker: MessageKeys) -> None:
    refused = refusal(taker, ATTACKS[attack](), "us")
    assert refused in {MessageReason.ALTERED, MessageReason.UNKNOWN_KEY, MessageReason.MOVED}
    if taker is US:
        assert refused is not MessageReason.MOVED, "it is not even ours"


@pytest.mark.parametrize(("meant", "lies"), [("us", "us.now"), ("us.now", "us")])
def test_what_was_meant_for_one_queue_of_a_pool_is_not_taken_from_the_other(meant: str, lies: str) -> None:
    assert refusal(US, message(US, meant), lies) is MessageReason.MOVED


def test_the_master_keys_themselves_sign_nothing() -> None:
    assert refusal(US, message(replace(MASTER, pool="us"), "us"), "us") is MessageReason.ALTERED
    assert refusal(MASTER, message(replace(MASTER, pool="us"), "us"), "us") is MessageReason.ALTERED


def test_a_worker_neither_signs_for_another_pool_nor_believes_that_it_could(tmp_path: Path) -> None:
    app = make_celery(Settings(home=tmp_path), EU)
    for queue in ("us", "us.now", "eux", ""):
        with pytest.raises(MessageRefusedError, match="not ours"):
            app.amqp.create_task_message("id", messages.SYNC, [SUBJECT], {}, queue=app.amqp.queues[queue or "x"])
        assert refusal(EU, message(EU, queue or "x"), queue or "x") is MessageReason.UNKNOWN_KEY


def test_pools_share_no_key_and_none_tells_of_another() -> None:
    known = [key for keys in (MASTER, EU, US, MASTER.of("e"), MASTER.of("eu-1")) for key in keys.by_id.values()]
    assert len(set(known)) == len(known)
    assert all(len(key) == 32 for key in known)
    assert MASTER.of("eu") == EU == EU.of("eu")


# -- what a worker is given ------------------------------------------------------------------------------------------


def given(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "pool.keys"
    path.touch(mode=0o600)
    path.write_text(text)
    return Settings(home=tmp_path / "home", pool_message_key_file=path)


def of_workers(app_settings: Settings, pool: str) -> FlotillaCelery:
    return make_celery(app_settings, pool_keys(app_settings, pool))


def test_a_worker_needs_no_master_and_makes_none(tmp_path: Path) -> None:
    config = given(tmp_path, US.to_text())
    assert pool_keys(config, "us") == US
    assert not config.home.exists()


def test_where_everything_is_one_machine_a_worker_derives_its_own(tmp_path: Path) -> None:
    config = Settings(home=tmp_path)
    assert pool_keys(config, "us") == message_keys(config).of("us")


def test_a_key_is_replaced_without_a_gap(tmp_path: Path) -> None:
    """As docs/how-to/rotate-credentials.md tells it: verified everywhere, then signed with, then gone."""
    before, both = MessageKeys("k1", {"k1": b"1" * 32}), MessageKeys("k1", {"k1": b"1" * 32, "k2": b"2" * 32})
    after, gone = replace(both, signing="k2"), MessageKeys("k2", {"k2": b"2" * 32})
    steps = [before, both, after, gone]
    for older, newer in pairwise(steps):
        assert refusal(newer.of("us"), message(older.of("us"), "us"), "us") is None or newer is gone
        assert refusal(older.of("us"), message(newer.of("us"), "us"), "us") is None
    assert pool_keys(given(tmp_path, after.of("us").to_text()), "us") == after.of("us"), "the first line signs"


@pytest.mark.parametrize("text", ["", "k1:abc\n", f"{'1' * 64}\n"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileError):
        pool_keys(given(tmp_path, text), "us")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = Settings(home=tmp_path, pool_message_key_file=tmp_path / "none")
    with pytest.raises(KeyFileError, match="does not exist") as refused:
        pool_keys(missing, "us")
    assert "flotilla keys us" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_an_operator_gets_the_keys_of_one_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    wanted = message_keys(Settings(home=tmp_path / "home")).of("us")
    written = tmp_path / "us.keys"
    written.write_text("older and longer " * 100)
    written.chmod(0o644)
    try:
        assert CliRunner().invoke(flotilla, ["keys", "us"]).stdout == wanted.to_text()
        assert CliRunner().invoke(flotilla, ["keys", "us", "--file", str(written)]).exit_code == 0
    finally:
        settings.cache_clear()
    assert pool_keys(Settings(home=tmp_path, pool_message_key_file=written), "us") == wanted


def test_what_was_taken_and_not_finished_lies_by_pool(tmp_path: Path) -> None:
    options = [of_workers(Settings(home=tmp_path), pool).conf.broker_transport_options for pool in ("eu", "us")]
    kept = [
        {value for name, value in each.items() if name.startswith("unacked") and name.endswith("_key")}
        for each in options
    ]
    assert [len(each) for each in kept] == [3, 3]
    assert kept[0].isdisjoint(kept[1])
