"""The client of the hub's API: what it asks again, what it takes, and what it makes of an answer of another version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.cli import main
from console.client import hub as client
from console.client.address import VARIABLES, Chosen, choose
from console.client.contexts import file, load
from console.client.hub import Hub, HubRefusedError, OtherVersionError, Reply, new_key
from console.client.transports import bounded
from console.errors import HubUnreachableError

NOT_FOUND = {"detail": "there is no such path", "code": "not-found", "remedy": "Look again.", "request_id": "r1"}


class Answers:
    """A hub that gives these answers, one after another; None is no answer."""

    def __init__(self, *answers: Reply | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def __call__(self, method: str, target: str, headers: Mapping[str, str], _body: bytes) -> Reply:
        self.asked.append((method, target, headers))
        answer = self.answers.pop(0)
        if answer is None:
            message = "no answer"
            raise HubUnreachableError(message)
        return answer


def reply(status: int, body: Any, told: str = "") -> Reply:
    return Reply(status, json.dumps(body).encode(), told)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def test_a_read_is_asked_again_where_the_hub_did_not_answer(slept: list[float]) -> None:
    hub = Answers(None, reply(503, {}), reply(200, {"actor": "ann"}))
    assert Hub(hub, "t", "there", tries=3).get_me()["actor"] == "ann"
    assert slept == [0.5, 1.0]


def test_a_read_is_not_asked_for_ever() -> None:
    hub = Answers(None, None, None, None)
    with pytest.raises(HubUnreachableError):
        Hub(hub, "t", "there", tries=3).get_me()
    assert len(hub.asked) == 3


def test_a_write_is_asked_again_only_where_the_hub_would_not_do_it_twice() -> None:
    hub = Answers(None, reply(202, {"intent": 7}))
    with pytest.raises(HubUnreachableError):
        Hub(hub, "t", "there", tries=3).post_intent({"kind": "refresh"})
    assert len(hub.asked) == 1
    hub = Answers(None, reply(202, {"intent": 7}))
    assert Hub(hub, "t", "there", tries=3).post_intent({"kind": "refresh"}, idempotency_key=new_key())["intent"] == 7
    assert hub.asked[0][2]["Idempotency-Key"] == hub.asked[1][2]["Idempotency-Key"]


@pytest.mark.parametrize("name", ["..", "a/../me", "a?b=c", "a#b", "a b", "\r\nX: y", "é", "%2e%2e"])
def test_a_name_stays_within_its_part_of_the_path(name: str) -> None:
    hub = Answers(reply(200, {}))
    Hub(hub, "t", "there").get_why(name, name)
    target = hub.asked[0][1]
    assert target.isascii()
    assert target.count("/") == 6
    assert not {"?", "#", " ", "\r", "\n"} & set(target)


def test_a_refusal_has_the_hubs_code_and_remedy() -> None:
    with pytest.raises(HubRefusedError, match="there is no such path") as refused:
        Hub(Answers(reply(404, NOT_FOUND)), "t", "there").get_me()
    assert (refused.value.said, refused.value.remedy) == ("not-found", "Look again.")


@pytest.mark.parametrize(("told", "what"), [("0.1.0", "older"), ("99.0.0", "newer")])
def test_a_refusal_of_a_hub_of_another_version_says_so(told: str, what: str) -> None:
    with pytest.raises(HubRefusedError) as refused:
        Hub(Answers(reply(404, NOT_FOUND, told)), "t", "there").get_me()
    assert f"The hub is {what} ({told}) than this command ({version('flotilla')})" in refused.value.remedy


@pytest.mark.parametrize("told", ["", version("flotilla"), f"{version('flotilla')}.post1"])
def test_nothing_is_said_of_a_hub_of_the_same_version(told: str) -> None:
    with pytest.raises(HubRefusedError) as refused:
        Hub(Answers(reply(404, NOT_FOUND, told)), "t", "there").get_me()
    assert refused.value.remedy == "Look again."


@pytest.mark.parametrize("told", ["x", "9" * 5_000, "1.", "\u0663.\u0661", "-1.-1"])
def test_an_odd_version_breaks_nothing(told: str) -> None:
    with pytest.raises(HubRefusedError):
        Hub(Answers(reply(404, NOT_FOUND, told)), "t", "there").get_me()


def test_a_field_that_the_hub_does_not_say_is_told_as_another_version() -> None:
    found = Hub(Answers(reply(200, {"items": [{"ref": "eu/web"}]})), "t", "there").get_placements()
    with pytest.raises(OtherVersionError, match="does not say 'sync'"):
        found["items"][0]["sync"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"a":'])
def test_what_is_no_answer_of_a_hub_is_told_as_that(body: bytes) -> None:
    with pytest.raises(HubUnreachableError, match="the hub at there says 200"):
        Hub(Answers(Reply(200, body)), "t", "there").get_me()


def test_a_redirect_is_an_answer_that_is_not_followed() -> None:
    hub = Answers(reply(302, {}))
    with pytest.raises(HubUnreachableError, match="says 302"):
        Hub(hub, "t", "there", tries=3).get_me()
    assert len(hub.asked) == 1


class Dripping:
    """A body that never ends."""

    def read(self, size: int, /) -> bytes:
        return b"x" * min(size, 1_000)


def test_an_answer_is_bounded_in_bytes() -> None:
    with pytest.raises(HubUnreachableError, match="larger than 1 MiB"):
        bounded(Dripping(), "there", most=2**20)


# -- contexts on the command line --------------------------------------------------------------------------------------


@pytest.fixture
def flotilla(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    for name in ("FLOTILLA_HOME", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words: str, given: str = "") -> Result:
        return CliRunner().invoke(main.app, words, input=given)

    yield run
    choose(Chosen())


def test_a_token_is_stored_from_stdin_and_printed_nowhere(flotilla: Any) -> None:
    set_ = flotilla("contexts", "set", "eu", "--server", "https://eu.example.com", "--token-stdin", given="s3cret-t\n")
    assert set_.output == "eu: https://eu.example.com; it is current.\n"
    assert load().named("eu").token == "s3cret-t"
    for form in ("table", "wide", "json", "yaml"):
        listed = flotilla("contexts", "list", "-o", form).output
        assert "eu.example.com" in listed
        assert "stored" in listed
        assert "s3cret" not in listed
    assert "s3cret-t" in file().read_text()


def test_a_new_address_takes_the_token_away(flotilla: Any) -> None:
    flotilla("contexts", "set", "eu", "--server", "https://eu.example.com", "--token-stdin", given="s3cret-t\n")
    flotilla("contexts", "set", "eu", "--server", "https://eu.example.com/")
    assert load().named("eu").token == "s3cret-t", "it is the same address"
    flotilla("contexts", "set", "eu", "--server", "https://other.example.com")
    assert load().named("eu").token == ""


def test_contexts_are_used_and_forgotten(flotilla: Any) -> None:
    flotilla("contexts", "set", "eu", "--server", "https://eu.example.com")
    flotilla("contexts", "set", "us", "--server", "https://us.example.com")
    assert load().current == "eu"
    assert flotilla("contexts", "use", "us").output == "us is current.\n"
    assert flotilla("contexts", "delete", "us").output == "us is forgotten; local is current.\n"
    assert sorted(load().by_name) == ["eu"]


@pytest.mark.parametrize(
    "words",
    [
        ("set", "local", "--server", "https://h"), ("set", "a/b", "--server", "https://h"), ("set", "eu"),
        ("set", "eu", "--server", "http://hub.example.com"), ("set", "-", "--server", "https://h"),
        ("set", "eu", "--server", "https://h", "--token-stdin"), ("use", "nowhere"), ("delete", "local"),
        ("set", "eu", "--server", "https://h", "--token-stdin", "--token-file", "t"),
        ("set", "eu", "--server", "https://h", "--token", "s3cret"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_context_is_refused_and_changes_nothing(flotilla: Any, words: tuple[str, ...]) -> None:
    assert flotilla("contexts", *words).exit_code != 0
    assert load().by_name == {}


def test_a_file_of_no_certificates_is_told(flotilla: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / "token").write_text("t")
    flotilla("contexts", "set", "eu", "--server", "https://eu.example.com", "--token-file", str(tmp_path / "token"))
    found = flotilla("--ca", str(tmp_path / "ca.pem"), "status")
    assert "holds no certificates that the hub could be verified by" in str(found.exception)


def test_the_name_of_the_header_is_the_doors() -> None:
    from console.api.door.door import VERSION

    assert version("flotilla") == VERSION
    assert client.VERSION_HEADER == "Flotilla-Version"
