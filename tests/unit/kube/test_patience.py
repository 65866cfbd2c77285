"""A request that the API server asks to send later: how often, how long, and who is asked before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.domain.errors import LeaseLostError
from tests.fakes.sync import Lease
from workers.kube.client import Answer
from workers.kube.patience import LONGEST, MOST, freely, until_served

NEEDED = timedelta(seconds=10)


class Server:
    """Answers from a list, the last one for ever; notes how long was waited."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.waits: list[float] = []

    def send(self) -> Answer:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def refusal(status: int, after: str | None) -> Answer:
    return Answer(status, {} if after is None else {"Retry-After": after}, b"")


SERVED = Answer(200, {}, b"{}")


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_who_asks_to_wait_is_asked_again(status: int) -> None:
    server = Server(refusal(status, "2"), refusal(status, "1"), SERVED)
    assert until_served(server.send, freely, needed=NEEDED, sleep=server.waits.append) is SERVED
    assert server.waits == [2, 1]


@pytest.mark.parametrize("answer", [refusal(503, None), refusal(429, "soon"), refusal(409, "1"), refusal(401, "1")])
def test_without_a_time_it_is_not_said_that_nothing_was_done(answer: Answer) -> None:
    server = Server(answer, SERVED)
    assert until_served(server.send, freely, needed=NEEDED, sleep=server.waits.append) is answer
    assert server.waits == []


def test_it_ends_after_a_few_times() -> None:
    server = Server(refusal(429, "1"))
    assert until_served(server.send, freely, needed=NEEDED, sleep=server.waits.append).status == 429
    assert server.asked == MOST


def test_who_asks_to_wait_for_long_is_not_waited_for() -> None:
    server = Server(refusal(429, "20"))
    assert until_served(server.send, freely, needed=NEEDED, sleep=server.waits.append).status == 429
    assert sum(server.waits) <= LONGEST.total_seconds()


def test_the_fence_is_asked_after_each_wait_and_its_word_is_the_last() -> None:
    server, lease = Server(refusal(429, "1"), refusal(429, "1"), SERVED), Lease(writes_left=1)
    with pytest.raises(LeaseLostError):
        until_served(server.send, lease.check, needed=NEEDED, sleep=server.waits.append)
    assert (server.asked, lease.asked) == (2, [NEEDED, NEEDED])


def test_nought_is_not_a_hot_loop() -> None:
    server = Server(refusal(503, "0"), SERVED)
    until_served(server.send, freely, needed=NEEDED, sleep=server.waits.append)
    assert server.waits[0] > 0
