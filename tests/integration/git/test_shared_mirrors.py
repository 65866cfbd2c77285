"""One mirror serves many: who fetches at once shares the fetch, its faults and what it costs."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import FlotillaError
from common.domain.refs import GitRef
from common.sources.faults import (
    UnreachableError,
)
from common.sources.git import GitRunner
from common.sources.mirrors import Mirrors
from common.sources.places import Place
from common.sources.urls import PlainHttp
from tests.fakes.git_server import GitServer, Origin
from workers.render.cache import RenderCache
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest


def test_those_who_wait_for_a_fetch_that_began_after_them_share_it(
    mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    mirrors.fetch(main)
    git_http_server.requests.clear()
    git_http_server.hanging = True
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(mirrors.fetch(main).commit)) for _ in range(8)]
    threads[0].start()
    deadline = time.monotonic() + 10
    while not git_http_server.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    for thread in threads[1:]:  # only now: one that came before the first one's look began would share it
        thread.start()
    time.sleep(0.3)  # let them wait
    git_http_server.resume()
    for thread in threads:
        thread.join()
    assert found == [commit] * 8
    # the first one's look, and one for the seven who came while it was under way
    assert git_http_server.count("info/refs") == 2


def test_those_who_share_a_fetch_share_its_fault(
    mirrors: Mirrors, origin: Origin, main: GitRef, git_http_server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit({"a.yaml": "a: 1\n"})
    git_http_server.status = 503
    git_http_server.hanging = True
    faults: list[str] = []
    arrived: list[str] = []
    locked = Place.locked

    def arriving(place: Place, patience: timedelta, *, url: str) -> AbstractContextManager[None]:
        arrived.append(url)
        return locked(place, patience, url=url)

    monkeypatch.setattr(Place, "locked", arriving)

    def fetch() -> None:
        try:
            mirrors.fetch(main)
        except FlotillaError as error:
            faults.append(error.code)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not (git_http_server.requests and len(arrived) == 6) and time.monotonic() < deadline:
        time.sleep(0.01)
    git_http_server.resume()
    for thread in threads:
        thread.join()
    assert faults == [UnreachableError.code] * 6
    # Who came before the first fetch began shares it; who came after shares a second one.
    assert git_http_server.count("info/refs") in (1, 2)


def test_two_processes_share_a_mirror(
    mirrors: Mirrors, origin: Origin, main: GitRef, tmp_path: Path, credentials: DirectoryProvider
) -> None:
    commit = origin.commit({"a.yaml": "a: 1\n"})
    other = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK)
    try:
        mirrors.fetch(main)
        assert other.resolve(main) == commit
        second = origin.commit({"a.yaml": "a: 2\n"})
        assert other.tree(main, commit).read("a.yaml") == b"a: 1\n"
        mirrors.fetch(main)
        assert other.tree(main, second).read("a.yaml") == b"a: 2\n"
    finally:
        other.close()
    assert len(list((tmp_path / "mirrors").iterdir())) == 1


def test_a_thousand_folders_are_resolved_by_a_few_git_processes(
    mirrors: Mirrors, origin: Origin, main: GitRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("deployment", "service", "autoscaler", "account")
    files = {f"apps/app-{n:04}/{name}.yaml": f"a: {n}\n" for n in range(1000) for name in names}
    commit = origin.commit(files)
    mirrors.fetch(main)
    started: list[Sequence[str]] = []
    start = GitRunner.start

    def counted(self: GitRunner, folder: Path, arguments: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
        started.append(arguments)
        return start(self, folder, arguments, **more)

    monkeypatch.setattr(GitRunner, "start", counted)
    renderers = Renderers(RenderCache(tmp_path / "cache"))

    def resolve(commit: str) -> list[str]:
        tree = mirrors.tree(main, commit)
        return [renderers.resolve(tree, RenderRequest.at(f"apps/app-{n:04}")).source_digest for n in range(1000)]

    mirrors.close()
    first = resolve(commit)
    assert len(set(first)) == 1000
    assert len(started) <= 2
    second = origin.commit({"apps/app-0500/service.yaml": "a: other\n"})
    mirrors.fetch(main)
    started.clear()
    changed = [n for n, (one, other) in enumerate(zip(first, resolve(second), strict=True)) if one != other]
    assert changed == [500]
    assert len(started) <= 1


def test_many_threads_read_many_mirrors_at_once(mirrors: Mirrors, git_http_server: GitServer) -> None:
    sources = []
    for number in range(20):  # more than are kept open
        commit = git_http_server.origin(f"app{number}").commit({f"a/{n}.yaml": f"{number}.{n}" for n in range(20)})
        sources.append((GitRef.read(git_http_server.url(f"app{number}"), "", "refs/heads/main"), commit))

    def read(number: int) -> dict[str, bytes]:
        source, commit = sources[number % 20]
        tree = mirrors.tree(source, commit)
        return tree.read_many(entry.path for entry in tree.list("a"))

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(read, range(100))):
            assert found == {f"a/{n}.yaml": f"{number % 20}.{n}".encode() for n in range(20)}
