"""CVE-2023-25163 and kin: a canary credential shows in no error, log, command line, file or mirror."""

from __future__ import annotations

import base64
import logging
import threading
import time
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.destinations import LinkLocal
from common.domain.errors import FlotillaError
from common.domain.refs import GitRef
from common.sources.environment import authorised
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp, checked_url
from tests.fakes.git_server import GitServer, git_server

CANARY = "canary-5f1e0c"
FORMS = (CANARY, base64.b64encode(f"git:{CANARY}".encode()).decode(), CANARY.encode().hex())
MAIN = "refs/heads/main"


def leaks(text: str) -> bool:
    return any(form in text for form in FORMS)


def _processes_with_the_canary() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if leaks(text):
            found.append(text)
    return found


@pytest.mark.parametrize("status", [None, 401, 403, 404, 500, 302])
def test_a_credential_shows_nowhere(
    mirrors: Mirrors,
    credentials: DirectoryProvider,
    git_http_server: GitServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    credentials.store("git/app", {"username": b"git", "token": CANARY.encode()})
    git_http_server.user = ("git", CANARY)
    git_http_server.status = status
    git_http_server.hanging = True
    git_http_server.origin("app").commit({"a.yaml": "a: 1\n"})
    said: list[str] = []

    def fetch() -> None:
        try:
            mirrors.fetch(GitRef(git_http_server.url("app"), "git/app", MAIN))
        except FlotillaError as error:
            said.append(f"{error} {error!r} {error.__cause__!r} {error.__context__!r} {error.remedy}")

    thread = threading.Thread(target=fetch)
    thread.start()
    deadline = time.monotonic() + 10
    while not git_http_server.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    seen = _processes_with_the_canary()  # git is waiting for an answer now
    on_disk = [path for path in (tmp_path / "scratch").rglob("*") if path.is_file() and leaks(path.read_text())]
    git_http_server.resume()
    thread.join()
    assert any(request.headers.get("Authorization") for request in git_http_server.requests), "it was really sent"
    assert seen == []
    assert on_disk == []
    assert bool(said) is (status is not None)
    assert not leaks(" ".join(said))
    assert not leaks(caplog.text)
    for path in (tmp_path / "mirrors").rglob("*"):
        assert not (path.is_file() and leaks(path.read_bytes().decode("latin-1"))), path


def test_a_credential_is_not_sent_to_where_a_server_redirects(
    mirrors: Mirrors, credentials: DirectoryProvider, git_http_server: GitServer, tmp_path: Path
) -> None:
    credentials.store("git/app", {"username": b"git", "token": CANARY.encode()})
    with git_server(tmp_path / "thief") as thief:
        thief.origin("app").commit({"a.yaml": "stolen: 1\n"})
        git_http_server.status = 302
        target = f"{thief.url('app')}/info/refs?service=git-upload-pack"
        git_http_server.headers = (("Location", target),)
        with pytest.raises(FlotillaError):
            mirrors.fetch(GitRef(git_http_server.url("app"), "git/app", MAIN))
        assert thief.requests == []


def test_a_credential_is_bound_to_its_server() -> None:
    url = checked_url("http://127.0.0.1:8080/app", plain_http=PlainHttp.LOOPBACK)
    with authorised(url, {"token": CANARY.encode()}, LinkLocal.ALLOWED) as variables:
        assert variables["GIT_CONFIG_KEY_0"] == "http.http://127.0.0.1:8080/.extraHeader"


def test_a_credential_with_a_line_break_cannot_add_a_header(
    mirrors: Mirrors, credentials: DirectoryProvider, git_http_server: GitServer
) -> None:
    credentials.store("git/app", {"username": b"git", "token": f"{CANARY}\nX-Evil: 1".encode()})
    with pytest.raises(FlotillaError, match="line break") as caught:
        mirrors.fetch(GitRef(git_http_server.url("app"), "git/app", MAIN))
    assert not leaks(str(caught.value))
    assert not git_http_server.requests
