"""What ``.gitmodules`` says, and where its URLs lead."""

from __future__ import annotations

import pytest

from common.sources.faults import SubmoduleRefusedError
from common.sources.submodules import absolute, declared


def test_a_submodule_has_a_path_and_a_url_and_the_last_word_counts() -> None:
    entries = [
        ("submodule.a.path", "lib/a/"), ("submodule.a.url", "https://example.com/a"),
        ("submodule.b.c.path", "b"), ("submodule.b.c.url", "https://example.com/b"),
        ("submodule.a.url", "https://example.com/other"),
        ("submodule.nowhere.url", "https://example.com/x"), ("core.sshCommand", "touch /tmp/x"),
    ]  # fmt: skip
    assert declared(entries) == {"lib/a": "https://example.com/other", "b": "https://example.com/b"}


@pytest.mark.parametrize(
    ("url", "parent", "found"),
    [
        ("https://x.example/a.git", "https://h.example/p/q.git", "https://x.example/a.git"),
        ("../a.git", "https://h.example/p/q.git", "https://h.example/p/a.git"),
        ("../../z/a.git", "https://h.example:8443/p/q.git", "https://h.example:8443/z/a.git"),
        ("./a", "https://h.example/p/q", "https://h.example/p/q/a"),
        ("../a.git", "git@h.example:p/q.git", "git@h.example:p/a.git"),
        ("../a.git", "ssh://git@h.example/p/q.git", "ssh://git@h.example/p/a.git"),
    ],
)
def test_a_relative_url_starts_from_its_parent(url: str, parent: str, found: str) -> None:
    assert absolute(url, parent) == found


def test_a_relative_url_never_leaves_its_server() -> None:
    with pytest.raises(SubmoduleRefusedError, match="leads above"):
        absolute("../../../evil.example/a", "https://h.example/p/q.git")
