"""Brings one mirror up to its server: asks which refs it has, and fetches what is new."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from common.destinations import LinkLocal
from common.domain.addresses import GitAddress
from common.domain.errors import FlotillaError
from common.sources.faults import (
    EmptyRepositoryError,
    MirrorCorruptError,
    RefMissingError,
    RepositoryTooLargeError,
    fault_of,
    gives_no_such,
)
from common.sources.git import Answer, GitRunner
from common.sources.objects import Objects
from common.sources.opened import OpenRepositories
from common.sources.places import Place, size_of

LOCAL = timedelta(seconds=60)
"""Longest that git may take for what needs no server."""
_NAMESPACES = ("refs/heads/", "refs/tags/")
_PINS = "refs/flotilla/pins/"
_NO_REPOSITORY = {"GIT_DIR": "/nonexistent"}
_GIBIBYTE = 1 << 30
# a server's own repository may be shallow: the history that it has is all there is to read
_FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force", "--update-shallow")


@dataclass(frozen=True, slots=True)
class MirrorLimits:
    """Bounds of one fetch.

    Attributes:
        look: longest that a server may take to list its refs.
        fetch: longest that it may take to send objects; a first fetch sends the whole history.
        max_bytes: size of a mirror on disk.
        link_local: whether such addresses may be asked.
    """

    look: timedelta = timedelta(seconds=20)
    fetch: timedelta = timedelta(minutes=5)
    max_bytes: int = 4 * _GIBIBYTE
    link_local: LinkLocal = LinkLocal.REFUSED


class Fetching:
    """Fetches into mirrors whose lock the caller holds.

    Args:
        runner: starts git.
        limits: of fetches.
        opened: told when another repository takes the place of one that may be open.
    """

    def __init__(self, runner: GitRunner, limits: MirrorLimits, opened: OpenRepositories) -> None:
        self._runner = runner
        self._limits = limits
        self._opened = opened

    def update(self, url: GitAddress, place: Place, ref: str, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Bring a mirror up to its server, and return the refs that the server has and git did not take.

        Args:
            url: of the server's repository.
            place: of the mirror.
            ref: that must be whole afterwards, if the server has it.
            variables: credentials.

        Raises:
            FlotillaError: as ``Mirrors.fetch``.
        """
        place.tidy()
        wanted = self._remote_refs(url, place, variables)
        if not wanted:
            message = f"{url} has no branch and no tag"
            raise EmptyRepositoryError(message, remedy="Push a first commit.")
        if not (place.usable and self._caught_up(url, place, wanted, ref, variables)):
            self._build(url, place, wanted, variables)
        return self._not_taken(url, place, wanted, variables)

    def commit(self, url: GitAddress, place: Place, commit: str, variables: Mapping[str, str]) -> None:
        """Fetch a commit that no branch or tag leads to, and keep it from being tidied away.

        Raises:
            RefMissingError: the server does not give it.
            FlotillaError: as ``Mirrors.fetch``.
        """
        arguments = [*_FETCH, "--end-of-options", url.text, f"+{commit}:{_PINS}{commit}"]
        said = self._git_fetch(url, place, place.repo, arguments, variables)
        if said is not None:
            raise missing(url, commit) if gives_no_such(said) else fault_of(said, url=url.text)

    def local_refs(self, place: Place, url: GitAddress) -> dict[str, str]:
        """Return the ids of the mirror's branches and tags by ref."""
        answer = self._local(place, ["for-each-ref", "--format=%(objectname)%09%(refname)", *_NAMESPACES])
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        lines = (line.split("\t", 1) for line in answer.stdout.decode(errors="replace").splitlines())
        return {ref: oid for oid, ref in lines}

    def _caught_up(
        self, url: GitAddress, place: Place, wanted: Mapping[str, str], ref: str, variables: Mapping[str, str]
    ) -> bool:
        """Fetch what is new; tell whether the mirror is whole."""
        try:
            if self.local_refs(place, url) != wanted:
                self._fetch_all(url, place, place.repo, variables)
            return ref not in wanted or self._has(place, url, wanted[ref])
        except MirrorCorruptError:
            return False

    def _has(self, place: Place, url: GitAddress, oid: str) -> bool:
        objects: Objects = self._opened.objects(place, url=url.text)
        return objects.has(oid)

    def _not_taken(
        self, url: GitAddress, place: Place, wanted: Mapping[str, str], variables: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return the refs that the mirror lacks without git having complained: it ends with 0 and says so in a line.

        What moved between our look and the fetch is no refusal, so the server is looked at again before one is told.
        """
        local = self.local_refs(place, url)
        lacking = {ref for ref, oid in wanted.items() if local.get(ref) != oid}
        if not lacking:
            return ()
        now = self._remote_refs(url, place, variables)
        return tuple(sorted(ref for ref in lacking if now.get(ref) == wanted[ref]))

    def _remote_refs(self, url: GitAddress, place: Place, variables: Mapping[str, str]) -> dict[str, str]:
        patterns = [f"{namespace}*" for namespace in _NAMESPACES]
        arguments = ["ls-remote", "--quiet", "--refs", "--end-of-options", url.text, *patterns]
        variables = {**variables, **_NO_REPOSITORY}
        answer = self._runner.run(place.folder, arguments, timeout=self._limits.look, variables=variables)
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        lines = (line.split("\t", 1) for line in answer.stdout.decode(errors="replace").splitlines())
        return {ref: oid for oid, ref in lines if ref.startswith(_NAMESPACES)}

    def _local(self, place: Place, arguments: Sequence[str]) -> Answer:
        return self._runner.run(place.repo, ["--git-dir=.", *arguments], timeout=LOCAL)

    def _fetch_all(self, url: GitAddress, place: Place, repo: Path, variables: Mapping[str, str]) -> None:
        specs = [f"+{namespace}*:{namespace}*" for namespace in _NAMESPACES]
        arguments = ["--prune", *_FETCH, "--end-of-options", url.text, *specs]
        said = self._git_fetch(url, place, repo, arguments, variables)
        if said is not None:
            raise fault_of(said, url=url.text)

    def _git_fetch(
        self, url: GitAddress, place: Place, repo: Path, arguments: Sequence[str], variables: Mapping[str, str]
    ) -> str | None:
        """Fetch; return what git said where it failed, and None where it did not."""

        def watch() -> FlotillaError | None:
            if size_of(repo) <= self._limits.max_bytes:
                return None
            message = f"{url}: its mirror would exceed {self._limits.max_bytes:,} bytes"
            return RepositoryTooLargeError(message, remedy="Keep manifests apart from large files.")

        answer = self._runner.run(
            repo,
            ["--git-dir=.", "fetch", *arguments],
            timeout=self._limits.fetch,
            variables=variables,
            lock=place.lock,
            watch=watch,
        )
        return None if answer.status == 0 else answer.stderr

    def _build(self, url: GitAddress, place: Place, wanted: Mapping[str, str], variables: Mapping[str, str]) -> None:
        """Build the mirror again beside the present one, and put it in its place once it is whole."""
        algorithm = "sha256" if len(next(iter(wanted.values()))) == 64 else "sha1"
        init = ["init", "--bare", "--quiet", "--template=", f"--object-format={algorithm}", place.fresh.name]
        try:
            answer = self._runner.run(place.folder, init, timeout=LOCAL)
            if answer.status != 0:
                raise fault_of(answer.stderr, url=url.text)
            self._fetch_all(url, place, place.fresh, variables)
        except FlotillaError:
            shutil.rmtree(place.fresh, ignore_errors=True)
            raise
        place.swap()
        self._opened.forget(place)


def missing(url: GitAddress, ref: str) -> RefMissingError:
    """Return the fault that a repository has no such branch, tag or commit."""
    message = f"{url} has no {ref.removeprefix('refs/heads/').removeprefix('refs/tags/')}"
    return RefMissingError(message, remedy="Correct the source's ref, or push what it names.")
