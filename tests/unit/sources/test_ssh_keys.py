"""Private SSH keys as people store them."""

from __future__ import annotations

import base64

import pytest

from common.credentials import CredentialsRefusedError
from common.sources.ssh_keys import private_key

WHAT = "the credentials for ssh://git@git.example.com/a"
MIDDLE = base64.b64encode(b"openssh-key-v1\0" + b"\0\0\0\x04none" + b"\0" * 80).decode()
LOCKED = base64.b64encode(b"openssh-key-v1\0" + b"\0\0\0\x0aaes256-ctr" + b"\0" * 80).decode()
HEAD, TAIL = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
GOOD = f"{HEAD}\n{MIDDLE[:70]}\n{MIDDLE[70:]}\n{TAIL}\n"


@pytest.mark.parametrize(
    "stored",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("\n", "  \n"),
        f"\ufeff{GOOD}",
        f"\n\n{GOOD}\n\n",
    ],
)
def test_line_ends_blanks_and_marks_are_mended(stored: str) -> None:
    assert private_key(stored.encode(), what=WHAT).decode() == GOOD


@pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"])
def test_older_formats_are_taken(label: str) -> None:
    text = f"-----BEGIN {label}-----\nMIIE\n-----END {label}-----\n"
    assert private_key(text.encode(), what=WHAT).decode() == text


@pytest.mark.parametrize(
    ("stored", "message", "remedy"),
    [
        (f"{HEAD}\n{LOCKED}\n{TAIL}\n", "with a passphrase", "ssh-keygen -p"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIE\n"
            "-----END RSA PRIVATE KEY-----\n",
            "with a passphrase",
            "deploy key",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "with a passphrase",
            "ssh-keygen -p",
        ),
        ("ssh-ed25519 AAAAcanary git@example.com\n", "public half", "without .pub"),
        ("ecdsa-sha2-nistp256 AAAAcanary\n", "public half", "without .pub"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "public half", "without .pub"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n", "public half", "without .pub"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY", "puttygen"),
        (GOOD.replace("\n", " "), "line breaks were lost", "all its lines"),
        (GOOD.replace("\n", "\\n"), "line breaks were lost", "all its lines"),
        (f"{HEAD}\n{MIDDLE}\n", "cut off", "all its lines"),
        ("canary", "no private key", "ssh-keygen wrote"),
    ],
)
def test_what_ssh_would_call_denied_is_told_with_its_remedy(stored: str, message: str, remedy: str) -> None:
    with pytest.raises(CredentialsRefusedError) as caught:
        private_key(stored.encode(), what=WHAT)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "canary" not in str(caught.value)
