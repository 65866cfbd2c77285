"""Brute force: the token cannot be guessed by trying, and nobody is locked out by another's tries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.api import TOKEN, ApiProcess, serving, status_of

REQUEST_ID = re.compile(rb"[0-9a-f]{20}")
PROXY = {"FLOTILLA_BEHIND_PROXY": "true", "FLOTILLA_TRUSTED_PROXIES": "127.0.7.0/24"}


def _login(api: ApiProcess, token: str, *, source: str) -> int:
    body = f"token={token}"
    head = f"POST /login HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return status_of(api.ask((head + body).encode(), source=source))


def test_a_source_that_guesses_the_bearer_token_is_refused_and_nobody_else_is(api: ApiProcess) -> None:
    codes = [api.status(token=f"guess-{number}", source="127.0.3.1") for number in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert api.status(source="127.0.3.1") == 429, "nor is the right one looked at"
    assert api.status(source="127.0.3.2") == 200


def test_guesses_in_the_form_and_in_headers_are_counted_together(api: ApiProcess) -> None:
    for number in range(5):
        assert _login(api, f"guess-{number}", source="127.0.4.1") == 401
        assert api.status(token=f"guess-{number}", source="127.0.4.1") == 401
    assert _login(api, TOKEN, source="127.0.4.1") == 429
    assert _login(api, TOKEN, source="127.0.4.2") == 303


def test_a_stranger_who_fails_all_the_time_locks_nobody_out_of_the_form(api: ApiProcess) -> None:
    for number in range(150):
        _login(api, "guess", source=f"127.0.5.{number % 50}")
    assert _login(api, TOKEN, source="127.0.6.1") == 303
    assert api.status(source="127.0.6.2") == 200
    codes = [_login(api, "guess", source="127.0.6.3") for _ in range(4)]
    assert codes == [401, 401, 401, 429], "while many guess, each has fewer tries"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"])
def test_a_guesser_cannot_name_its_own_source(api: ApiProcess, header: str) -> None:
    source = f"127.0.8.{1 + len(header)}"
    codes = [api.status(token="guess", source=source, more=f"{header}: 10.0.0.{number}\r\n") for number in range(11)]
    assert codes[-1] == 429


def test_sources_behind_a_trusted_proxy_are_told_apart(tmp_path: Path) -> None:
    with serving(tmp_path / "home", PROXY) as api:

        def ask(client: str, token: str = "guess", proxy: str = "127.0.7.1") -> int:  # noqa: S107 - a guess
            return api.status(token=token, source=proxy, more=f"X-Forwarded-For: {client}\r\n")

        codes = [ask(f"10.9.9.{number}, 192.0.2.7") for number in range(11)]
        assert codes[-1] == 429, "what a client says before the proxy's own word counts for nothing"
        assert ask("192.0.2.7", TOKEN) == 429
        assert ask("192.0.2.8", TOKEN) == 200
        codes = [ask(f"2001:db8:0:1::{number}") for number in range(1, 12)]
        assert codes[-1] == 429, "a customer has a /64"
        assert ask("2001:db8:0:2::1", TOKEN) == 200
        assert [ask(f"198.51.100.{number}", proxy="127.0.9.9") for number in range(11)][-1] == 429, "no trusted proxy"


def test_nothing_is_told_to_who_has_no_token(api: ApiProcess) -> None:
    answers = set()
    # The shell of the pages holds nothing, and is open.
    paths = ("/api/v1/status", "/api/v1/runs/x", "/no/such", "/openapi.json", "/docs", "/%2e%2e/x", "/a//")
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"):
        for path in paths:
            answer = api.ask(f"{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode())
            answer = REQUEST_ID.sub(b"", answer)
            answers.add(b"\n".join(line for line in answer.splitlines() if not line.lower().startswith(b"date")))
    assert len(answers) == 1
    assert b" 401 " in answers.pop()
