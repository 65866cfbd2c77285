"""Repositories as years of tools and servers have left them: what ``git clone`` takes works, what harms does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from common.domain.refs import GitRef
from common.sources.faults import BadObjectsError, RefNotTakenError, SymlinkRefusedError
from common.sources.mirrors import Mirrors
from tests.fakes.git_server import GitServer, Origin

MAIN = "refs/heads/main"
WHO = "T <t@example.com> 1300000000 +0100"


def commit_of(origin: Origin, author: str, committer: str = WHO, message: bytes = b"old\n") -> str:
    """Commit the present tree with head lines as no git of today would write them."""
    lines = [f"tree {origin.git('rev-parse', 'HEAD^{tree}')}", f"parent {origin.head}"]
    lines += [f"author {author}"] if author else []
    head = "\n".join([*lines, f"committer {committer}", ""]).encode()
    stdin = head + b"\n" + message
    found = origin.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=stdin)
    origin.git("reset", "--quiet", "--hard", found)
    return found


def tree_of(origin: Origin, *entries: tuple[str, str, str]) -> str:
    """Write a tree of entries (mode, name, id) as they are given."""
    raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries)
    return origin.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)


@pytest.mark.parametrize(
    ("author", "committer", "message"),
    [
        ("T <t@example.com> 1300000000 +051800", WHO, b"zone\n"),
        ("T<t@example.com> 1300000000 +0100", WHO, b"no space before the address\n"),
        ("T <t@example.com>1300000000 +0100", WHO, b"no space before the date\n"),
        ("T <t@example.com> 01300000000 +0100", WHO, b"padded date\n"),
        ("T <t@example.com> then +0100", WHO, b"date in words\n"),
        ("T <t@example.com> 18446744073709551616 +0100", WHO, b"date beyond all bounds\n"),
        ("T 1300000000 +0100", WHO, b"no address\n"),
        ("T > <t@example.com> 1300000000 +0100", WHO, b"odd name\n"),
        ("<t@example.com> 1300000000 +0100", WHO, b"no name\n"),
        (f"{WHO}\nauthor {WHO}", WHO, b"two authors\n"),
        ("", WHO, b"no author\n"),
        (WHO, "T <t@example.com> 1300000000 zone", b"committer's zone\n"),
        (WHO, WHO, b"a NUL\0in the words\n"),
    ],
)
def test_old_commits_with_odd_heads_are_taken(
    mirrors: Mirrors, origin: Origin, main: GitRef, author: str, committer: str, message: bytes
) -> None:
    origin.commit({"app/a.yaml": "a: 1\n"})
    commit_of(origin, author, committer, message)
    newest = origin.commit({"app/a.yaml": "a: 2\n"})
    assert mirrors.fetch(main).commit == newest
    assert mirrors.tree(main, newest).read("app/a.yaml") == b"a: 2\n"


def test_modes_are_read_as_git_reads_them_however_they_are_spelt(
    mirrors: Mirrors, origin: Origin, main: GitRef
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    blob = origin.git("rev-parse", "HEAD:a.yaml")
    inner = tree_of(origin, ("0100644", "a.yaml", blob), ("100664", "b.yaml", blob), ("0120000", "link", blob))
    tree = tree_of(origin, ("040000", "app", inner))
    origin.git("update-ref", MAIN, origin.git("commit-tree", tree, "-m", "padded"))
    commit = mirrors.fetch(main).commit
    found = mirrors.tree(main, commit)
    assert [(entry.path, entry.mode) for entry in found.list("app")] == [
        ("app/a.yaml", "100644"),
        ("app/b.yaml", "100644"),
        ("app/link", "120000"),
    ]
    assert found.read("app/a.yaml") == b"a: 1\n"
    with pytest.raises(SymlinkRefusedError, match="app/link"):
        found.read("app/link")


@pytest.mark.parametrize("name", [".gitmodules", ".gitattributes"])
def test_files_that_steer_git_stay_fatal(mirrors: Mirrors, origin: Origin, main: GitRef, name: str) -> None:
    good = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    if name == ".gitmodules":
        hostile = '[submodule "../../x"]\n\tpath = x\n\turl = https://git.example.com/x\n'
    else:
        hostile = "a" * 3_000 + " text\n"
    origin.commit({name: hostile})
    with pytest.raises(BadObjectsError) as caught:
        mirrors.fetch(main)
    assert "OCI artifact" in caught.value.remedy
    assert mirrors.resolve(main) == good


@pytest.mark.parametrize(
    "entries",
    [
        [("100644", "a.yaml"), ("100644", "a.yaml")],
        [("100644", "b.yaml"), ("100644", "a.yaml")],
        [("100644", "a/b.yaml")],
    ],
)
def test_trees_that_two_readers_read_differently_stay_fatal(
    mirrors: Mirrors, origin: Origin, main: GitRef, entries: list[tuple[str, str]]
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    blob = origin.git("rev-parse", "HEAD:a.yaml")
    tree = tree_of(origin, *((mode, name, blob) for mode, name in entries))
    origin.git("update-ref", MAIN, origin.git("commit-tree", tree, "-p", origin.head, "-m", "odd"))
    with pytest.raises(BadObjectsError):
        mirrors.fetch(main)


def test_a_tree_with_a_null_id_stays_fatal(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    tree = tree_of(origin, ("160000", "module", "0" * 40))
    origin.git("update-ref", MAIN, origin.git("commit-tree", tree, "-p", origin.head, "-m", "null"))
    with pytest.raises(BadObjectsError):
        mirrors.fetch(main)


def test_a_url_with_escapes_and_brackets_is_fetched(mirrors: Mirrors, git_http_server: GitServer) -> None:
    origin = git_http_server.origin("My (old) Project/_git/it's $5 & more!")
    commit = origin.commit({"app/a.yaml": "a: 1\n"})
    source = GitRef.read(git_http_server.url("My%20(old)%20Project/_git/it's%20$5%20&%20more!"), "", MAIN)
    assert mirrors.fetch(source).commit == commit
    assert mirrors.tree(source, commit).read("app/a.yaml") == b"a: 1\n"


def shallow_copy(origin: Origin, name: str) -> Path:
    """Clone the origin's newest commit alone to beside it."""
    target = origin.folder.parent / name
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_ALLOW_PROTOCOL": "file"}
    command = ["git", "clone", "--quiet", "--depth=1", f"file://{origin.folder}", str(target)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return target


def test_a_server_whose_own_repository_is_shallow_is_read(
    mirrors: Mirrors, git_http_server: GitServer, origin: Origin
) -> None:
    for number in range(3):
        origin.commit({"a.yaml": f"a: {number}\n"})
    shallow_copy(origin, "shallow")
    source = GitRef.read(git_http_server.url("shallow"), "", MAIN)
    assert mirrors.fetch(source).commit == origin.head
    assert mirrors.tree(source, origin.head).read("a.yaml") == b"a: 2\n"
    origin.commit({"a.yaml": "a: 3\n"})
    shutil.rmtree(origin.folder.parent / "shallow")
    shallow_copy(origin, "shallow")
    assert mirrors.fetch(source).commit == origin.head, "its root moves on with it"
    assert mirrors.tree(source, origin.head).read("a.yaml") == b"a: 3\n"


@pytest.fixture
def refused(mirrors: Mirrors, origin: Origin, main: GitRef, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mirror that git will not bring up to main and v2.0.0, though it ends with 0; the commit it is left at."""
    first = origin.commit({"a.yaml": "a: 1\n"})
    origin.git("branch", "other")
    origin.git("tag", "v1.0.0")
    mirrors.fetch(main)
    # without --update-shallow, git passes over each ref that would move a shallow root
    monkeypatch.setattr("common.sources.fetching._FETCH", ("--quiet", "--no-tags", "--no-write-fetch-head", "--force"))
    second = origin.commit({"a.yaml": "a: 2\n"})
    origin.git("tag", "v2.0.0")
    (origin.folder / ".git" / "shallow").write_text(f"{second}\n")
    return first


@pytest.mark.parametrize(("ref", "named"), [(MAIN, "refs/heads/main"), ("semver:>=1.0.0", r"refs/tags/v2\.0\.0")])
def test_a_ref_that_git_does_not_take_is_named(
    mirrors: Mirrors, main: GitRef, refused: str, ref: str, named: str
) -> None:
    with pytest.raises(RefNotTakenError, match=f"{named}, but git does not take it"):
        mirrors.fetch(GitRef.read(main.repo, "", ref))
    assert mirrors.resolve(main) == refused, "the last good state is kept"


@pytest.mark.parametrize("ref", ["refs/heads/other", "semver:~1.0"])
def test_other_refs_of_such_a_repository_go_on(mirrors: Mirrors, main: GitRef, refused: str, ref: str) -> None:
    assert mirrors.fetch(GitRef.read(main.repo, "", ref)).commit == refused


def test_what_moved_between_look_and_fetch_is_no_refusal(
    mirrors: Mirrors, origin: Origin, main: GitRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    origin.commit({"a.yaml": "a: 2\n"})
    fetch = mirrors._fetching._fetch_all

    def moved_on(*arguments: object) -> None:
        origin.commit({"a.yaml": "a: 3\n"})
        fetch(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(mirrors._fetching, "_fetch_all", moved_on)
    assert mirrors.fetch(main).commit == origin.head
