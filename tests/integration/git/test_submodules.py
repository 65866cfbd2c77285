"""Submodules of real repositories, read as folders where a source asks for them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import PermanentError
from common.domain.refs import GitRef
from common.sources.faults import SubmoduleRefusedError, UrlRefusedError
from common.sources.mirrors import Mirrors
from common.sources.trees import Tree, source_digest
from tests.fakes.git_server import GitServer, Origin, git_server, with_module

Open = Callable[..., Tree]
YES: Callable[[str], bool] = lambda _: True  # noqa: E731 - a name for a value


@pytest.fixture
def lib(git_http_server: GitServer) -> Origin:
    origin = git_http_server.origin("lib")
    origin.commit({"base/a.yaml": "a: 1\n", "base/b.yaml": "b: 1\n", "README.md": "lib\n"})
    return origin


@pytest.fixture
def apps(git_http_server: GitServer) -> Origin:
    return git_http_server.origin("apps")


@pytest.fixture
def opened(git_http_server: GitServer, mirrors: Mirrors) -> Open:
    def tree(*, submodules: bool = True, allowed: Callable[[str], bool] | None = YES) -> Tree:
        before = "submodules:" if submodules else ""
        source = GitRef.read(git_http_server.url("apps"), "", f"{before}refs/heads/main")
        return mirrors.tree(source, mirrors.fetch(source).commit, allowed)

    return tree


def test_a_submodule_is_a_folder_at_the_commit_that_the_tree_holds(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open
) -> None:
    with_module(apps, git_http_server.url("lib"), lib.head)
    lib.commit({"base/a.yaml": "a: 2\n"})
    tree = opened()
    assert tree.read("lib/base/a.yaml") == b"a: 1\n"
    assert [entry.path for entry in tree.list("lib")] == ["lib/README.md", "lib/base/a.yaml", "lib/base/b.yaml"]
    assert tree.read_many(["app/own.yaml", "lib/base/b.yaml"]) == {
        "app/own.yaml": b"own: 1\n",
        "lib/base/b.yaml": b"b: 1\n",
    }


def test_nothing_is_fetched_that_no_path_leads_into(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open
) -> None:
    with_module(apps, git_http_server.url("lib"), lib.head)
    assert opened().read("app/own.yaml") == b"own: 1\n"
    assert not any("/lib/" in request.target for request in git_http_server.requests)


def test_the_digest_follows_the_submodule(git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open) -> None:
    with_module(apps, git_http_server.url("lib"), lib.head)
    first = source_digest(opened(), ["lib/base"])
    lib.commit({"README.md": "other\n"})
    with_module(apps, git_http_server.url("lib"), lib.head)
    assert source_digest(opened(), ["lib/base"]) == first, "what is read did not change"
    lib.commit({"base/a.yaml": "a: 2\n"})
    with_module(apps, git_http_server.url("lib"), lib.head)
    assert source_digest(opened(), ["lib/base"]) != first


def test_a_relative_url_and_a_submodule_within_a_submodule(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open
) -> None:
    middle = git_http_server.origin("middle")
    with_module(middle, "../../lib/.git", lib.head, path="deep")
    with_module(apps, "../../middle/.git", middle.head)
    assert opened().read("lib/deep/base/a.yaml") == b"a: 1\n"
    assert opened().read("lib/app/own.yaml") == b"own: 1\n"


def test_without_the_word_a_path_into_one_is_a_fault_that_says_what_to_do(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open
) -> None:
    with_module(apps, git_http_server.url("lib"), lib.head)
    with pytest.raises(SubmoduleRefusedError, match="lib is a submodule") as caught:
        opened(submodules=False).read("lib/base/a.yaml")
    assert "submodules: true" in caught.value.remedy


def test_a_repository_that_the_project_may_not_use_is_not_asked(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open
) -> None:
    with_module(apps, git_http_server.url("lib"), lib.head)
    for allowed in (None, lambda url: "lib" not in url):
        with pytest.raises(SubmoduleRefusedError, match="may not use"):
            opened(allowed=allowed).read("lib/base/a.yaml")
    assert not any("/lib/" in request.target for request in git_http_server.requests)


@pytest.mark.parametrize("url", ["ext::sh -c touch% marker", "file:///etc", "/etc", "http://example.com/x"])
def test_a_url_that_git_must_not_have_is_refused(apps: Origin, lib: Origin, opened: Open, url: str) -> None:
    with_module(apps, url, lib.head)
    with pytest.raises(UrlRefusedError):
        opened().read("lib/base/a.yaml")


def test_one_that_gitmodules_does_not_name_stays_refused(apps: Origin, lib: Origin, opened: Open) -> None:
    apps.commit_entries({"lib": ("160000", lib.head), "a.yaml": ("100644", "a: 1\n")})
    tree = opened()
    assert tree.read("a.yaml") == b"a: 1\n"
    with pytest.raises(SubmoduleRefusedError):
        tree.read("lib/base/a.yaml")


def test_what_gitmodules_says_besides_is_not_followed(
    git_http_server: GitServer, apps: Origin, lib: Origin, opened: Open, tmp_path: Path
) -> None:
    """Settings, included files and commands: git reads them as text, and two keys of it are taken."""
    secret = tmp_path / "secret"
    secret.write_text('[submodule "lib"]\n\tpath = lib\n\turl = https://elsewhere.example/x\n')
    modules = (
        f"[include]\n\tpath = {secret}\n[core]\n\tsshCommand = touch {tmp_path}/marker\n"
        f'[submodule "lib"]\n\tpath = lib\n\turl = {git_http_server.url("lib")}\n'
    )
    apps.commit_entries({".gitmodules": ("100644", modules), "lib": ("160000", lib.head)})
    assert opened().read("lib/base/a.yaml") == b"a: 1\n"
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("modules", ["[submodule", "\x00\x01", '[submodule "x"]\n\tpath'])
def test_a_file_that_is_none_is_a_clear_error_or_names_nothing(
    apps: Origin, lib: Origin, opened: Open, modules: str
) -> None:
    apps.commit_entries({".gitmodules": ("100644", modules), "lib": ("160000", lib.head)})
    with pytest.raises(PermanentError):
        opened().read("lib/base/a.yaml")


def test_credentials_go_to_their_own_server_alone(
    git_http_server: GitServer, apps: Origin, mirrors: Mirrors, credentials: DirectoryProvider, tmp_path: Path
) -> None:
    with git_server(tmp_path / "others") as other:
        theirs = other.origin("lib")
        theirs.commit({"a.yaml": "a: 1\n"})
        git_http_server.user = ("git", "canary-1")
        credentials.store("git/team", {"username": b"git", "password": b"canary-1"})
        with_module(apps, other.url("lib"), theirs.head)
        source = GitRef.read(git_http_server.url("apps"), "git/team", "submodules:refs/heads/main")
        tree = mirrors.tree(source, mirrors.fetch(source).commit, YES)
        assert tree.read("lib/a.yaml") == b"a: 1\n"
        told = [request.headers.get("Authorization", "") for request in other.requests]
        assert told
        assert not any(told), "another port is another server"
    own = git_http_server.origin("lib")
    own.commit({"a.yaml": "a: 2\n"})
    with_module(apps, git_http_server.url("lib"), own.head)
    tree = mirrors.tree(source, mirrors.fetch(source).commit, YES)
    assert tree.read("lib/a.yaml") == b"a: 2\n"
    header = f"Basic {base64.b64encode(b'git:canary-1').decode()}"
    assert any(
        request.headers.get("Authorization") == header
        for request in git_http_server.requests
        if "/lib/" in request.target
    )
