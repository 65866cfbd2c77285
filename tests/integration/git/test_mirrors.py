"""Mirrors against a real smart-HTTP server: what is fetched, when, and what is kept when something goes wrong."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.credentials import CredentialsMissingError, CredentialsRefusedError, DirectoryProvider
from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.refs import GitRef
from common.sources.faults import (
    EmptyRepositoryError,
    FileTooLargeError,
    LfsPointerError,
    RedirectRefusedError,
    RefMissingError,
    RefRefusedError,
    RepositoryMissingError,
    RepositoryTooLargeError,
    SubmoduleRefusedError,
    SymlinkRefusedError,
    TimedOutError,
    UnauthorisedError,
    UnreachableError,
)
from common.sources.fetching import MirrorLimits
from common.sources.mirrors import Mirrors
from common.sources.trees import TreeLimits, source_digest
from common.sources.urls import PlainHttp
from tests.fakes.git_server import GitServer, Origin

MAIN = "refs/heads/main"


def test_a_fetch_returns_the_commit_of_a_branch_and_its_tree(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    commit = origin.commit({"web/a.yaml": "a: 1\n", "web/sub/b.yaml": "b: 2\n"})
    before = datetime.now(UTC)
    fetched = mirrors.fetch(main)
    assert fetched.commit == commit == mirrors.resolve(main)
    assert before <= fetched.fetched_at <= datetime.now(UTC)
    tree = mirrors.tree(main, commit)
    assert [entry.path for entry in tree.list("web")] == ["web/a.yaml", "web/sub/b.yaml"]
    assert tree.read_many(["web/a.yaml", "web/sub/b.yaml"]) == {"web/a.yaml": b"a: 1\n", "web/sub/b.yaml": b"b: 2\n"}
    assert tree.tree_id("web") == origin.git("rev-parse", "HEAD:web")
    assert tree.tree_id(".") == origin.git("rev-parse", "HEAD^{tree}")
    assert tree.entry("web/none") is None


def test_a_new_commit_is_fetched_and_the_former_one_stays_readable(
    mirrors: Mirrors, origin: Origin, main: GitRef
) -> None:
    first = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    second = origin.commit({"a.yaml": "a: 2\n"})
    assert mirrors.resolve(main) == first, "resolve asks no server"
    assert mirrors.fetch(main).commit == second
    assert mirrors.tree(main, first).read("a.yaml") == b"a: 1\n"
    assert mirrors.tree(main, second).read("a.yaml") == b"a: 2\n"


def test_looking_again_fetches_no_objects(
    mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    git_http_server.requests.clear()
    mirrors.fetch(main)
    assert len(git_http_server.requests) <= 2
    origin.git("branch", "other")
    mirrors.fetch(main)
    mirrors.fetch(GitRef.read(main.repo, "", "refs/heads/other"))
    assert mirrors.resolve(GitRef.read(main.repo, "", "refs/heads/other")) == origin.head


def test_tags_are_peeled_and_commits_are_found_whether_or_not_a_branch_leads_there(
    mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer
) -> None:
    first = origin.commit({"a.yaml": "a: 1\n"})
    origin.git("tag", "--annotate", "--message=one", "v1.0.0")
    origin.git("tag", "light")
    lost = origin.commit({"a.yaml": "a: 2\n"})
    origin.git("reset", "--quiet", "--hard", first)
    for ref, commit in (("refs/tags/v1.0.0", first), ("refs/tags/light", first), (first, first), (lost, lost)):
        source = GitRef.read(main.repo, "", ref)
        assert mirrors.fetch(source).commit == commit
        assert mirrors.tree(source, commit).commit == commit
    git_http_server.stop()
    assert mirrors.fetch(GitRef.read(main.repo, "", lost)).commit == lost, "a commit that is here is not asked for"


def test_a_range_of_versions_follows_the_highest_tag_in_it(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    commits = {}
    for tag in ("v1.8.0", "v1.10.0", "v2.0.0", "v2.1.0-rc.1", "latest"):
        commits[tag] = origin.commit({"a.yaml": f"v: {tag}\n"})
        origin.git("tag", "-a", "-m", "release", tag)

    def at(text: str) -> str:
        return mirrors.fetch(GitRef.read(main.repo, "", f"semver:{text}")).commit

    assert at(">=1.8 <2") == commits["v1.10.0"]
    assert at("^2") == commits["v2.0.0"]
    newer = origin.commit({"a.yaml": "v: newer\n"})
    origin.git("tag", "v1.11.3")
    assert at(">=1.8 <2") == newer, "a new tag is followed"
    assert mirrors.tree(GitRef.read(main.repo, "", "semver:^1"), newer).read("a.yaml") == b"v: newer\n"
    origin.git("tag", "--delete", "v1.11.3")
    assert at(">=1.8 <2") == commits["v1.10.0"], "a tag that is gone is not"


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [("^7", RefMissingError, "no tag in ^7"), ("--upload-pack=x", RefRefusedError, "no range")],
)
def test_a_range_without_a_tag_and_what_is_no_range_are_faults(
    mirrors: Mirrors, origin: Origin, main: GitRef, text: str, error: type[FlotillaError], why: str
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    origin.git("tag", "v1.0.0")
    with pytest.raises(error) as raised:
        mirrors.fetch(GitRef.read(main.repo, "", f"semver:{text}"))
    assert why in raised.value.message


def test_a_force_push_is_followed(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    first = origin.commit({"a.yaml": "a: 1\n"})
    second = origin.commit({"a.yaml": "a: 2\n"})
    assert mirrors.fetch(main).commit == second
    origin.git("reset", "--quiet", "--hard", first)
    third = origin.commit({"a.yaml": "a: 3\n"})
    assert mirrors.fetch(main).commit == third
    assert mirrors.tree(main, second).read("a.yaml") == b"a: 2\n", "a placement may still run the former commit"


def test_a_deleted_branch_is_a_fault_and_its_last_commit_stays_readable(
    mirrors: Mirrors, origin: Origin, main: GitRef
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    origin.git("checkout", "--quiet", "-b", "feature")
    commit = origin.commit({"a.yaml": "a: 2\n"})
    source = GitRef.read(main.repo, "", "refs/heads/feature")
    assert mirrors.fetch(source).commit == commit
    origin.git("checkout", "--quiet", "main")
    origin.git("branch", "-D", "feature")
    with pytest.raises(RefMissingError, match="has no feature"):
        mirrors.fetch(source)
    assert mirrors.tree(source, commit).read("a.yaml") == b"a: 2\n"
    assert mirrors.fetch(main).commit == origin.head


def test_a_branch_may_take_the_place_of_a_folder_of_branches(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    origin.git("branch", "release/one")
    mirrors.fetch(main)
    origin.git("branch", "-D", "release/one")
    origin.git("branch", "release")
    assert mirrors.fetch(GitRef.read(main.repo, "", "refs/heads/release")).commit == origin.head


def test_an_empty_repository_is_a_fault(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    with pytest.raises(EmptyRepositoryError, match="no branch and no tag"):
        mirrors.fetch(main)
    commit = origin.commit({"a.yaml": "a: 1\n"})
    assert mirrors.fetch(main).commit == commit


def test_an_unknown_commit_is_a_fault(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    with pytest.raises(RefMissingError, match="has no 0123456"):
        mirrors.fetch(GitRef.read(main.repo, "", "0123456789" * 4))


def test_a_missing_repository_is_permanent(mirrors: Mirrors, git_http_server: GitServer) -> None:
    with pytest.raises(RepositoryMissingError):
        mirrors.fetch(GitRef.read(git_http_server.url("none"), "", MAIN))


@pytest.mark.parametrize(
    ("status", "fault", "base"),
    [
        (401, UnauthorisedError, PermanentError),
        (403, UnauthorisedError, PermanentError),
        (404, RepositoryMissingError, PermanentError),
        (429, UnreachableError, TransientError),
        (500, UnreachableError, TransientError),
        (503, UnreachableError, TransientError),
    ],
)
def test_a_refusal_has_a_name_and_the_last_good_state_stays(
    mirrors: Mirrors,
    origin: Origin,
    main: GitRef,
    git_http_server: GitServer,
    status: int,
    fault: type[FlotillaError],
    base: type[FlotillaError],
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    git_http_server.status = status
    with pytest.raises(fault) as caught:
        mirrors.fetch(main)
    assert isinstance(caught.value, base)
    assert caught.value.remedy
    assert mirrors.resolve(main) == commit
    assert mirrors.tree(main, commit).read("a.yaml") == b"a: 1\n"


def test_an_unreachable_server_is_transient_and_costs_the_mirror_nothing(
    mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    git_http_server.stop()
    with pytest.raises(UnreachableError):
        mirrors.fetch(main)
    assert mirrors.tree(main, mirrors.resolve(main)).commit == commit


def test_a_hanging_server_is_left_in_time(
    tmp_path: Path, credentials: DirectoryProvider, origin: Origin, main: GitRef, git_http_server: GitServer
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    limits = MirrorLimits(look=timedelta(seconds=1), fetch=timedelta(seconds=1))
    hurried = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK, limits=limits)
    git_http_server.hanging = True
    began = time.monotonic()
    with pytest.raises(TimedOutError):
        hurried.fetch(main)
    assert time.monotonic() - began < 5
    git_http_server.resume()
    assert hurried.fetch(main).commit == commit


def test_a_redirect_is_not_followed(mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    git_http_server.status = 301
    target = "http://u:canary@127.0.0.1:1/elsewhere/info/refs?service=git-upload-pack&token=canary"
    git_http_server.headers = (("Location", target),)
    with pytest.raises(RedirectRefusedError, match=r"redirects to http://127\.0\.0\.1:1/elsewhere, which") as caught:
        mirrors.fetch(main)
    assert "canary" not in str(caught.value)
    git_http_server.headers = (("Location", "/new/info/refs?service=git-upload-pack"),)
    with pytest.raises(RedirectRefusedError, match=f"redirects to http://127.0.0.1:{git_http_server.port}/new, which"):
        mirrors.fetch(main)
    git_http_server.headers = ()
    with pytest.raises(RedirectRefusedError, match="redirects elsewhere"):
        mirrors.fetch(main)


def test_credentials_open_a_repository_and_a_mirror_belongs_to_them(
    mirrors: Mirrors, credentials: DirectoryProvider, origin: Origin, git_http_server: GitServer, tmp_path: Path
) -> None:
    git_http_server.user = ("git", "s3cret-canary")
    commit = origin.commit({"a.yaml": "a: 1\n"})
    credentials.store("git/right", {"token": b"s3cret-canary\n"})
    credentials.store("git/wrong", {"username": b"git", "password": b"other-canary"})
    url = git_http_server.url("app")
    assert mirrors.fetch(GitRef.read(url, "git/right", MAIN)).commit == commit
    with pytest.raises(UnauthorisedError):
        mirrors.fetch(GitRef.read(url, "git/wrong", MAIN))
    with pytest.raises(UnauthorisedError):
        mirrors.tree(GitRef.read(url, "", MAIN), commit)
    with pytest.raises(CredentialsMissingError):
        mirrors.fetch(GitRef.read(url, "git/none", MAIN))
    credentials.store("git/unfit", {"kubeconfig": b"x"})
    with pytest.raises(CredentialsRefusedError):
        mirrors.fetch(GitRef.read(url, "git/unfit", MAIN))
    kept = [path for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"canary" in path.read_bytes()]


def test_a_repository_over_the_bound_is_refused_and_leaves_nothing(
    tmp_path: Path, credentials: DirectoryProvider, origin: Origin, main: GitRef
) -> None:
    origin.commit({"big.bin": os.urandom(40 << 20)})
    limits = MirrorLimits(max_bytes=1 << 20)
    small = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK, limits=limits)
    with pytest.raises(RepositoryTooLargeError):
        small.fetch(main)
    assert not list((tmp_path / "mirrors").glob("*/*.git"))


def test_a_file_over_the_bound_is_refused_unread(
    tmp_path: Path, credentials: DirectoryProvider, origin: Origin, main: GitRef
) -> None:
    commit = origin.commit({"small.yaml": "a: 1\n", "big.yaml": "a: " + "x" * 5000})
    limits = TreeLimits(max_file=4000, max_total=4010)
    mirrors = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK, tree_limits=limits)
    try:
        tree = mirrors.tree(main, commit)
        with pytest.raises(FileTooLargeError, match=r"big\.yaml has 5,003 bytes"):
            tree.read_many(["small.yaml", "big.yaml"])
        assert tree.read("small.yaml") == b"a: 1\n"
    finally:
        mirrors.close()


def test_links_submodules_and_lfs_pointers_are_faults_when_read(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    origin.commit({"ok.yaml": "a: 1\n"})
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    entries = {
        "link.yaml": ("120000", "/etc/passwd"),
        "linked": ("120000", "../elsewhere"),
        "module": ("160000", origin.head),
        "big.yaml": ("100644", pointer),
    }
    tree = mirrors.tree(main, origin.commit_entries(entries))
    for path in ("link.yaml", "linked", "linked/a.yaml"):
        with pytest.raises(SymlinkRefusedError):
            tree.read(path)
    for path in ("module", "module/a.yaml"):
        with pytest.raises(SubmoduleRefusedError):
            tree.read(path)
    with pytest.raises(LfsPointerError):
        tree.read("big.yaml")
    assert tree.read("ok.yaml") == b"a: 1\n"


def test_the_source_digest_follows_the_footprint_and_nothing_else(
    mirrors: Mirrors, origin: Origin, main: GitRef
) -> None:
    commits = [
        origin.commit({"a/x.yaml": "a: 1\n", "b/x.yaml": "b: 1\n"}),
        origin.commit({"b/x.yaml": "b: 2\n"}),
        origin.commit({"a/x.yaml": "a: 2\n"}),
    ]
    first, other, changed = [source_digest(mirrors.tree(main, commit), ["a"]) for commit in commits]
    assert first == other != changed


def test_a_sha256_repository_is_mirrored(mirrors: Mirrors, git_http_server: GitServer) -> None:
    origin = git_http_server.origin("wide")
    shutil.rmtree(origin.folder / ".git")
    origin.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    commit = origin.commit({"a/b.yaml": "a: 1\n"})
    assert len(commit) == 64
    source = GitRef.read(git_http_server.url("wide"), "", MAIN)
    assert mirrors.fetch(source).commit == commit
    assert mirrors.tree(source, commit).read("a/b.yaml") == b"a: 1\n"
