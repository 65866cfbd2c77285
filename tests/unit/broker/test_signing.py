"""Whatever of a message is altered, added or taken away, it is no longer ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from common.broker import messages
from common.broker.app import FlotillaCelery, make_celery
from common.broker.errors import MessageRefusedError
from common.broker.keys import MessageKeys
from common.broker.signing import KEY, MAC, MAX_AGE, MAX_ID, MAX_SKEW, QUEUE, TIME, verify
from common.domain.codes import MessageReason
from common.settings import Settings

SUBJECT = "42"
BODY: list[Any] = [[SUBJECT], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


@pytest.fixture
def app(tmp_path: Path) -> FlotillaCelery:
    return make_celery(Settings(home=tmp_path, broker_url="redis://127.0.0.1:1/0"))


@pytest.fixture
def headers(app: FlotillaCelery) -> dict[str, Any]:
    """Headers as Celery makes them for one of our messages."""
    return made(app)


def made(app: FlotillaCelery, **options: Any) -> dict[str, Any]:
    """Return the headers of a message to the default queue, by all of Celery but the sending."""
    routed = app.amqp.router.route(options, messages.SYNC, [SUBJECT], {})
    found: dict[str, Any] = app.amqp.create_task_message("an-id", messages.SYNC, [SUBJECT], {}, **routed).headers
    return found


def refusal(
    app: FlotillaCelery,
    headers: dict[str, Any],
    payload: Any = BODY,
    *,
    queue: str = "default",
    now: datetime | None = None,
) -> MessageReason | None:
    """Return why a message is refused, by the clock as it is unless told; None when it is not."""
    try:
        verify(app.keys, headers, payload, queue=queue, now=now or datetime.now(UTC))
    except MessageRefusedError as error:
        return error.why
    return None


def test_what_celery_makes_of_ours_is_ours(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    assert verify(app.keys, headers, BODY, queue="default", now=datetime.now(UTC)) == SUBJECT


ALTERED = {
    "lang": "other",
    "task": messages.RESOLVE,
    "id": "another-id",
    "shadow": "another name",
    "eta": "2099-01-01T00:00:00+00:00",
    "expires": "2099-01-01T00:00:00+00:00",
    "group": "a group",
    "group_index": 1,
    "retries": 7,
    "timelimit": [1, 1],
    "root_id": "another-id",
    "parent_id": "another-id",
    "argsrepr": "['43']",
    "kwargsrepr": "{'x': 1}",
    "origin": "gen1@elsewhere",
    "ignore_result": True,
    "replaced_task_nesting": 1,
    "stamped_headers": ["x"],
    "stamps": {"x": 1},
    TIME: "2099-01-01T00:00:00+00:00",
    QUEUE: "eu",
    MAC: "0" * 64,
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_header_that_was_altered_is_refused(app: FlotillaCelery, headers: dict[str, Any], name: str) -> None:
    assert headers[name] != ALTERED[name]
    assert refusal(app, headers | {name: ALTERED[name]}) is MessageReason.ALTERED


def test_every_header_that_celery_makes_is_among_those_altered_here(headers: dict[str, Any]) -> None:
    assert headers.keys() - {KEY} == ALTERED.keys()


@pytest.mark.parametrize("name", sorted(ALTERED.keys() - {"task", "id", TIME, MAC}))
def test_a_header_that_was_taken_away_is_refused(app: FlotillaCelery, headers: dict[str, Any], name: str) -> None:
    del headers[name]
    assert refusal(app, headers) is MessageReason.ALTERED


@pytest.mark.parametrize("name", ["headers", "callbacks", "compression", "anything"])
def test_a_header_that_was_added_is_refused(app: FlotillaCelery, headers: dict[str, Any], name: str) -> None:
    assert refusal(app, headers | {name: {"eta": None}}) is MessageReason.ALTERED


def test_what_the_brokers_client_marks_as_delivered_again_is_still_ours(
    app: FlotillaCelery, headers: dict[str, Any]
) -> None:
    assert refusal(app, headers | {"redelivered": True}) is None


def test_the_order_of_headers_does_not_matter(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    assert refusal(app, dict(reversed(headers.items()))) is None


@pytest.mark.parametrize("name", [KEY, TIME, MAC])
@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_without_key_time_or_signature_it_is_unsigned(
    app: FlotillaCelery, headers: dict[str, Any], name: str, value: object
) -> None:
    assert refusal(app, headers | {name: value}) is MessageReason.UNSIGNED


@pytest.mark.parametrize("mac", ["", "é", "\ud800", "0" * 64, "f" * 10_000])
def test_a_signature_may_be_any_text(app: FlotillaCelery, headers: dict[str, Any], mac: str) -> None:
    assert refusal(app, headers | {MAC: mac}) is MessageReason.ALTERED


def test_another_id_in_the_body_is_refused(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    assert refusal(app, headers, [["43"], *BODY[1:]]) is MessageReason.ALTERED


@pytest.mark.parametrize(
    "payload",
    [
        None,
        SUBJECT,
        [],
        [[SUBJECT]],
        [[], {}, BODY[2]],
        [[SUBJECT, "x"], {}, BODY[2]],
        [[42], {}, BODY[2]],
        [["4" * (MAX_ID + 1)], {}, BODY[2]],
        [[SUBJECT], {"x": 1}, BODY[2]],
        [[SUBJECT], {}, None],
        [*BODY, "more"],
    ],
)
def test_a_body_that_is_not_one_id_is_refused(app: FlotillaCelery, headers: dict[str, Any], payload: object) -> None:
    assert refusal(app, headers, payload) is MessageReason.BODY


@pytest.mark.parametrize("what", ["callbacks", "errbacks", "chain", "chord", "other"])
def test_what_is_to_be_called_afterwards_is_refused(app: FlotillaCelery, headers: dict[str, Any], what: str) -> None:
    assert refusal(app, headers, [*BODY[:2], {**BODY[2], what: [{"task": messages.SYNC}]}]) is MessageReason.CALLBACKS


@pytest.mark.parametrize("changes", [{"task": "os.system"}, {"task": None}, {"task": ["x"]}, {"id": 1}, {"id": None}])
def test_what_names_no_task_of_ours_is_foreign(
    app: FlotillaCelery, headers: dict[str, Any], changes: dict[str, object]
) -> None:
    assert refusal(app, headers | changes) is MessageReason.FOREIGN


def test_a_message_moved_to_another_queue_is_refused(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    assert refusal(app, headers, queue="default.now") is MessageReason.MOVED
    assert refusal(app, headers, queue="eu") is MessageReason.ALTERED, "another pool's keys are others"


def test_a_key_that_we_do_not_have_is_refused(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    assert refusal(app, headers | {KEY: "k9"}) is MessageReason.UNKNOWN_KEY


def test_the_same_key_id_with_another_key_is_refused(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    app.keys = MessageKeys("k1", {"k1": b"x" * 32})
    assert refusal(app, headers) is MessageReason.ALTERED


def test_two_keys_of_ours_are_not_interchangeable(app: FlotillaCelery) -> None:
    app.keys = MessageKeys("k2", {"k2": b"2" * 32, "k1": b"1" * 32})
    assert refusal(app, made(app) | {KEY: "k1"}) is MessageReason.ALTERED


def test_a_key_that_no_longer_signs_still_verifies(app: FlotillaCelery) -> None:
    app.keys = MessageKeys("k1", {"k1": b"1" * 32})
    before = made(app)
    app.keys = MessageKeys("k2", {"k2": b"2" * 32, "k1": b"1" * 32})
    assert refusal(app, before) is None
    assert made(app)[KEY] == "k2"


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (MAX_AGE - timedelta(seconds=5), None),
        (MAX_AGE + timedelta(seconds=5), MessageReason.OLD),
        (5 * timedelta(seconds=1) - MAX_SKEW, None),
        (-MAX_SKEW - timedelta(seconds=5), MessageReason.OLD),
    ],
)
def test_age_counts_from_sending_with_some_room_for_clocks(
    app: FlotillaCelery, headers: dict[str, Any], later: timedelta, why: MessageReason | None
) -> None:
    sent = datetime.fromisoformat(headers[TIME])
    elsewhere = timezone(timedelta(hours=9))
    assert refusal(app, headers, now=(sent + later).astimezone(elsewhere)) is why


def test_a_forged_time_is_no_reason_to_call_it_old(app: FlotillaCelery, headers: dict[str, Any]) -> None:
    """What is only old is dropped without alarm: a stranger must not have his messages taken for that."""
    assert refusal(app, headers | {TIME: "2020-01-01T00:00:00+00:00"}) is MessageReason.ALTERED
    assert refusal(app, headers | {TIME: "not a time"}) is MessageReason.ALTERED


def test_a_countdown_is_signed_with_the_instant_it_comes_to(app: FlotillaCelery) -> None:
    headers = made(app, countdown=30, retries=2)
    assert timedelta(seconds=25) < datetime.fromisoformat(headers["eta"]) - datetime.now(UTC) <= timedelta(seconds=30)
    assert refusal(app, headers) is None
    assert refusal(app, headers | {"eta": None}) is MessageReason.ALTERED


@pytest.mark.parametrize(
    ("args", "kwargs"), [([], {}), (["1", "2"], {}), ([1], {}), (None, {}), (["1"], {"x": 1}), ("1", {})]
)
def test_nothing_but_one_id_is_sent(app: FlotillaCelery, args: object, kwargs: object) -> None:
    with pytest.raises(MessageRefusedError):
        app.send_task(messages.SYNC, args, kwargs)
