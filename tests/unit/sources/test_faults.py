"""What git's words mean."""

from __future__ import annotations

import pytest

from common.domain.errors import FlotillaError
from common.sources import faults
from common.sources.faults import fault_of, gives_no_such

URL = "https://git.example.com/ssl-timed-out/404/redirect"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (f"fatal: Authentication failed for '{URL}/'", faults.UnauthorisedError),
        (f"fatal: could not read Username for '{URL}': terminal prompts disabled", faults.UnauthorisedError),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            faults.UnauthorisedError,
        ),
        (f"fatal: unable to access '{URL}/': The requested URL returned error: 403", faults.UnauthorisedError),
        (f"fatal: repository '{URL}/' not found", faults.RepositoryMissingError),
        (
            "fatal: '/none' does not appear to be a git repository\nfatal: Could not read from",
            faults.RepositoryMissingError,
        ),
        (f"fatal: unable to access '{URL}/': The requested URL returned error: 302", faults.RedirectRefusedError),
        (f"fatal: unable to access '{URL}/': Could not resolve host: git.example.com", faults.UnreachableError),
        (f"fatal: unable to access '{URL}/': The requested URL returned error: 502", faults.UnreachableError),
        (f"fatal: unable to access '{URL}/': server certificate verification failed", faults.CertificateError),
        ("ssh: connect to host h port 22: Connection refused\r\nfatal: Could not read", faults.UnreachableError),
        ("ssh: connect to host h port 22: Connection timed out\r\nfatal: Could not read", faults.TimedOutError),
        (f"fatal: unable to access '{URL}/': Operation too slow. Less than 1 bytes/sec", faults.TimedOutError),
        ("No ED25519 host key is known for h and you have requested strict checking.", faults.HostKeyError),
        ("error: object abc: badTree: cannot be parsed\nfatal: fsck error in packed object", faults.BadObjectsError),
        ("error: packfile x.pack does not match index\nfatal: bad object", faults.MirrorCorruptError),
        ("fatal: not a git repository: '.'", faults.MirrorCorruptError),
        ("something nobody has heard of", faults.GitFailedError),
    ],
)
def test_words_have_a_name_whatever_the_url_says(words: str, kind: type[FlotillaError]) -> None:
    fault = fault_of(words, url=URL)
    assert type(fault) is kind
    assert fault.remedy


def test_a_fault_holds_no_secret_that_git_repeats() -> None:
    words = "fatal: unable to access 'https://u:canary@h/': Authorization: Basic Y2FuYXJ5Y2FuYXJ5 refused"
    assert "canary" not in str(fault_of(words, url="https://h/"))
    assert "Y2FuYXJ5" not in str(fault_of(words, url="https://h/"))


@pytest.mark.parametrize(
    "words",
    [
        "fatal: remote error: upload-pack: not our ref 0123",
        "error: Server does not allow request for unadvertised object 0123",
        "fatal: couldn't find remote ref 0123",
        "fatal: remote error: want 0123abcd not valid",
    ],
)
def test_a_commit_that_a_server_does_not_give_is_known(words: str) -> None:
    assert gives_no_such(words)


@pytest.mark.parametrize(
    "words",
    ["fatal: remote error: access denied or repository not exported: /x", "fatal: Could not resolve host", ""],
)
def test_what_a_server_could_not_give_now_is_no_commit_that_it_does_not_give(words: str) -> None:
    assert not gives_no_such(words)
