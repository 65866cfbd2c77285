"""Which folders are hooks: none without a kind and a secret that nobody guesses."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from console.api.hooks.declared import HookFaultyError, Hooks, hook
from console.api.hooks.kind import Request
from tests.harness.pushes import SECRET, SIGNING, declare, github

SHORT = "whsec_" + base64.b64encode(b"short").decode()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"kind": b"github"},
        {"kind": b"github", "secret": b""},
        {"kind": b"github", "secret": b" \n"},
        {"kind": b"github", "secret": b"fifteen-bytes-x\n"},
        {"kind": b"github", "secret": SECRET.encode(), "former-secret": b""},
        {"kind": b"GitHub", "secret": SECRET.encode()},
        {"kind": b"\xff", "secret": SECRET.encode()},
        {"kind": b"", "secret": SECRET.encode()},
        {"kind": b"standard", "secret": b"not base64, however long it is"},
        {"kind": b"standard", "secret": SHORT.encode()},
        {"kind": b"gitlab", "secret": (SHORT + " " * 10 + "!").encode()},
    ],
)
def test_a_hook_without_a_check_is_none(files: Mapping[str, bytes]) -> None:
    with pytest.raises(HookFaultyError) as refused:
        hook("acme", files)
    assert SECRET not in str(refused.value)
    assert SHORT not in str(refused.value)


def test_a_hook_is_read_from_its_folder_anew_every_few_seconds(tmp_path: Path) -> None:
    seconds = itertools.count(step=3)
    hooks = Hooks(tmp_path / "hooks", clock=lambda: next(seconds))
    assert hooks.get("acme").name == ""
    declare(tmp_path / "hooks", "acme", "github")
    assert [hooks.get("acme").name for _ in range(3)] == ["", "acme", "acme"]
    assert SECRET not in repr(hooks.get("acme"))
    (tmp_path / "hooks/acme/secret").chmod(0o604)
    assert [hooks.get("acme").name for _ in range(3)][-1] == "", "anybody could read it"


def test_a_faulty_hook_costs_the_others_nothing(tmp_path: Path) -> None:
    declare(tmp_path, "a", "nonsense")
    declare(tmp_path, "b", "standard", SIGNING)
    (tmp_path / "c").write_text("a file")
    (tmp_path / "d").mkdir()
    assert [Hooks(tmp_path).get(name).name for name in ("a", "b", "c", "d", "..", ".", "", "b/secret")] == [
        "", "b", "", "", "", "", "", "",
    ]  # fmt: skip


def test_the_secret_of_a_name_that_is_no_hook_is_nobodys(tmp_path: Path) -> None:
    none, other = Hooks(tmp_path).get("acme"), Hooks(tmp_path).get("acme")
    assert none.secrets != other.secrets
    for secret in ("", SECRET):
        assert not none.kind.proved(Request(github(b"{}", secret), b"{}", 0), none.secrets[0])


def test_both_secrets_are_taken_while_one_is_changed(tmp_path: Path) -> None:
    declare(tmp_path, "acme", "github", SECRET, former_secret=f"{SECRET}-former")
    found = Hooks(tmp_path).get("acme")
    assert [secret.text for secret in found.secrets] == [SECRET.encode(), f"{SECRET}-former".encode()]
