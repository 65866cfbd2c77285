"""A mirror that is damaged, or that a killed git left behind, is noticed and is whole again after the next fetch."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import TransientError
from common.domain.refs import GitRef
from common.sources.faults import (
    MirrorCorruptError,
    TimedOutError,
)
from common.sources.fetching import MirrorLimits
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp
from tests.fakes.git_server import GitServer, Origin


def _mirror(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "mirrors").glob("*/repo.git")
    return found


def _packs_gone(repo: Path) -> None:
    shutil.rmtree(repo / "objects")
    (repo / "objects" / "pack").mkdir(parents=True)


def _packs_garbled(repo: Path) -> None:
    for path in [*repo.glob("objects/pack/*"), *repo.glob("objects/??/*")]:
        path.chmod(0o600)
        path.write_bytes(b"\0" * path.stat().st_size)


def _head_gone(repo: Path) -> None:
    (repo / "HEAD").unlink()


def _config_garbled(repo: Path) -> None:
    (repo / "config").write_text("[core\n\0")


def _refs_garbled(repo: Path) -> None:
    (repo / "packed-refs").unlink(missing_ok=True)
    (repo / "refs" / "heads" / "main").write_text("nonsense\n")


@pytest.mark.parametrize("damage", [_packs_gone, _packs_garbled, _head_gone, _config_garbled, _refs_garbled])
def test_a_damaged_mirror_is_built_anew(
    mirrors: Mirrors,
    origin: Origin,
    main: GitRef,
    tmp_path: Path,
    damage: object,
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    mirrors.close()
    assert callable(damage)
    damage(_mirror(tmp_path))
    for _ in range(3):  # as the queue would try again
        try:
            mirrors.fetch(main)
            assert mirrors.tree(main, commit).read("a.yaml") == b"a: 1\n"
            break
        except TransientError:
            continue
    assert mirrors.tree(main, commit).read("a.yaml") == b"a: 1\n"
    assert mirrors.fetch(main).commit == commit


def test_a_mirror_damaged_under_an_open_reader_is_noticed_and_built_anew(
    mirrors: Mirrors, origin: Origin, main: GitRef, tmp_path: Path
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n", "b/c.yaml": "c: 1\n"})
    mirrors.fetch(main)
    tree = mirrors.tree(main, commit)
    mirrors.close()
    _packs_garbled(_mirror(tmp_path))
    with pytest.raises(MirrorCorruptError):
        tree.read("b/c.yaml")
    assert mirrors.tree(main, commit).read("b/c.yaml") == b"c: 1\n"


def test_what_a_killed_git_left_behind_does_not_stop_the_next_fetch(
    mirrors: Mirrors, origin: Origin, main: GitRef, tmp_path: Path
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    repo = _mirror(tmp_path)
    (repo / "packed-refs.lock").touch()
    (repo / "refs" / "heads" / "main.lock").touch()
    (repo / "objects" / "pack" / "tmp_pack_abc").write_bytes(b"x")
    commit = origin.commit({"a.yaml": "a: 2\n"})
    assert mirrors.fetch(main).commit == commit
    assert not (repo / "objects" / "pack" / "tmp_pack_abc").exists()


def test_the_git_of_a_killed_worker_keeps_the_lock_until_it_ends(
    mirrors: Mirrors,
    origin: Origin,
    main: GitRef,
    git_http_server: GitServer,
    tmp_path: Path,
    credentials: DirectoryProvider,
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    git_http_server.hang_after = 4  # what ls-remote asks is answered, and the first of what fetch asks
    worker = subprocess.Popen([sys.executable, "-c", _FETCHING, str(tmp_path / "mirrors"), main.repo])
    deadline = time.monotonic() + 20
    while len(git_http_server.requests) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.kill()
    worker.wait()
    limits = MirrorLimits(look=timedelta(seconds=0.2), fetch=timedelta(seconds=0.2))
    hurried = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK, limits=limits)
    with pytest.raises(TimedOutError, match="another fetch"):
        hurried.fetch(main)
    git_http_server.resume()
    assert mirrors.fetch(main).commit == commit


_FETCHING = """
import sys
from pathlib import Path
from typing import Any
from common.domain.refs import GitRef
from common.credentials import DirectoryProvider
from common.sources.git import GitRunner
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp
root = Path(sys.argv[1])
mirrors = Mirrors(root, DirectoryProvider(root), plain_http=PlainHttp.LOOPBACK)
mirrors.fetch(GitRef.read(sys.argv[2], "", "refs/heads/main"))
"""
