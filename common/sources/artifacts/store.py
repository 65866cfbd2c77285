"""Artifacts as Git trees: one bare repository for each (URL, credentials reference) on a machine.

As with mirrors, who may read a place only with its credentials never reads it through another's. A digest never changes
its meaning, so what is here is never asked for again; a place that grew too large is begun again, and what is still
needed of it is downloaded by its digest.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from common.clock import Clock, SystemClock
from common.credentials import Credential, CredentialsProvider
from common.domain.commits import Commit, Passage
from common.domain.errors import FlotillaError
from common.domain.refs import SourceRef, is_commit
from common.domain.secrecy import Secrets, silence
from common.sources.artifacts.archives import ArchiveLimits, Files
from common.sources.artifacts.remotes import Asking, Found, OpenRemote
from common.sources.artifacts.web import Web, WebLimits
from common.sources.faults import GitFailedError, MirrorCorruptError, TimedOutError, fault_of
from common.sources.git import GitRunner
from common.sources.mirrors import Fetched
from common.sources.opened import OpenRepositories
from common.sources.places import Place, size_of
from common.sources.signatures import SignatureRefusedError
from common.sources.submodules import Allowed
from common.sources.trees import Tree, TreeLimits
from common.sources.urls import PlainHttp

_REFS = "refs/flotilla/artifacts/"
_LOCAL = timedelta(seconds=60)
_GIBIBYTE = 1 << 30
_PUBLIC = frozenset({"ca.crt", "username", "access-key"})
"""Parts of a credential that say who asks, or whom."""


@dataclass(frozen=True, slots=True)
class ArtifactLimits:
    """Bounds of one fetch.

    Attributes:
        web: of what is asked.
        archive: of what is unpacked.
        tree: of what is read from what was kept.
        max_bytes: size of a place on disk, beyond which it is begun again.
    """

    web: WebLimits = field(default_factory=WebLimits)
    archive: ArchiveLimits = field(default_factory=ArchiveLimits)
    tree: TreeLimits = field(default_factory=TreeLimits)
    max_bytes: int = 2 * _GIBIBYTE


class Artifacts:
    """The artifacts under one folder. Safe to use from several threads and processes of one machine.

    Args:
        root: made when needed, mode 0700.
        credentials: asked at each fetch; nothing of the answer is kept.
        remote: opens the server of a source; artifacts of one folder are all of one kind.
        plain_http: whether http to loopback is allowed.
        limits: of fetches.
        clock: dates fetches.
    """

    def __init__(
        self,
        root: Path,
        credentials: CredentialsProvider,
        remote: OpenRemote,
        *,
        plain_http: PlainHttp = PlainHttp.REFUSED,
        limits: ArtifactLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._root = root
        self._credentials = credentials
        self._remote = remote
        self._plain_http = plain_http
        self._limits = limits or ArtifactLimits()
        self._clock = clock or SystemClock()
        self._runner = GitRunner()
        self._opened = OpenRepositories(self._runner)

    def fetch(self, source: SourceRef) -> Fetched:
        """Ask the server what ``source`` is now, and keep it as a tree; its commit is the artifact's sha256 (hex).

        After any error the place is as good as before.

        Raises:
            AddressRefusedError, VersionRefusedError: it must not be asked.
            CredentialsMissingError, CredentialsRefusedError: there is nothing fit to sign in with.
            PermanentError: the server refuses us, has no such thing, or sends what must not be kept
                (``common.sources.artifacts.faults``).
            TransientError: the server cannot be reached, is too slow, or the place is damaged.
        """
        found = self._kept(source, "")
        return Fetched(found.commit, self._clock.now(), found.version)

    def tree(self, source: SourceRef, commit: str, allowed: Allowed | None = None) -> Tree:  # noqa: ARG002 - a door's
        """Return the tree of the artifact ``commit``, downloading it only if the place lacks it or is damaged.

        Args:
            source: of which it is.
            commit: what it was resolved to.
            allowed: of no use: an artifact leads nowhere else.

        Raises:
            VersionMissingError: the server does not give it (any more).
            FlotillaError: as ``fetch``.
        """
        place = Place(self._root, source.repo, source.credentials)
        root = self._root_of(place, commit)
        if not root:
            self._kept(source, commit)
            root = self._root_of(place, commit)
        if not root:
            message = f"{source.repo}: the artifact {source.named(commit)} cannot be read"
            raise MirrorCorruptError(message, remedy="It is downloaded again with the next fetch.")
        objects = self._opened.objects(place, url=source.repo)
        return Tree(source.repo, commit, root, objects, self._limits.tree)

    def history(self, source: SourceRef, commit: str, since: str | None) -> Passage:  # noqa: ARG002 - a door's
        """Return the artifact alone: none says what led to it."""
        return Passage((Commit(commit),), (since,) if since not in {None, commit} else ())

    def verify(self, source: SourceRef, commit: str, keys: Sequence[str]) -> None:
        """Refuse: signatures of artifacts are not read here, and what was not checked counts as unsigned.

        Raises:
            SignatureRefusedError: always.
        """
        message = f"{source.repo}: whether {source.named(commit)} is signed by one of {', '.join(keys)} cannot be told"
        raise SignatureRefusedError(message, remedy="Pin it by its digest instead of asking for a signature.")

    def close(self) -> None:
        """End the processes that read objects."""
        self._opened.close()

    def _kept(self, source: SourceRef, commit: str) -> Found:
        """See that the place holds what ``source`` is now, or was as ``commit``, and return that."""
        place = Place(self._root, source.repo, source.credentials)
        credential = self._credentials.get(source.credentials) if source.credentials else {}
        with _untold(credential), Web(credential, self._limits.web) as web:
            asking = Asking(web, credential, self._plain_http, self._limits.archive, place.folder)
            remote = self._remote(source, asking)
            place.make()
            with place.locked(self._limits.web.total, url=source.repo):
                place.tidy()
                found = remote.exact(commit) if commit else remote.wanted()
                if not self._root_of(place, found.commit):
                    self._keep(source, place, found)
                return found

    def _root_of(self, place: Place, commit: str) -> str:
        """Return the id of the root tree of an artifact that is here, or an empty text."""
        if not (place.usable and is_commit(commit)):
            return ""
        arguments = ["--git-dir=.", "rev-parse", "--verify", "--quiet", f"{_REFS}{commit}^{{tree}}"]
        answer = self._runner.run(place.repo, arguments, timeout=_LOCAL)
        found = answer.stdout.decode(errors="replace").strip()
        return found if answer.status == 0 and is_commit(found) else ""

    def _keep(self, source: SourceRef, place: Place, found: Found) -> None:
        files = found.files()
        if place.usable and size_of(place.repo) <= self._limits.max_bytes:
            try:
                self._write(source, place, place.repo, _stream(found.commit, files))
            except FlotillaError:
                place.suspect()
                raise
            return
        try:
            self._begin(source, place)
            self._write(source, place, place.fresh, _stream(found.commit, files))
        except FlotillaError:
            shutil.rmtree(place.fresh, ignore_errors=True)
            raise
        place.swap()
        self._opened.forget(place)

    def _begin(self, source: SourceRef, place: Place) -> None:
        init = ["init", "--bare", "--quiet", "--template=", "--object-format=sha1", place.fresh.name]
        answer = self._runner.run(place.folder, init, timeout=_LOCAL)
        if answer.status != 0:
            raise fault_of(answer.stderr, url=source.repo)

    def _write(self, source: SourceRef, place: Place, repo: Path, stream: bytes) -> None:
        arguments = ["--git-dir=.", "fast-import", "--quiet", "--done", "--force"]
        with self._runner.process(repo, arguments, lock=place.lock) as process:
            try:
                _, stderr = process.communicate(stream, timeout=_LOCAL.total_seconds())
            except subprocess.TimeoutExpired as error:
                message = f"{source.repo}: git did not end in time"
                raise TimedOutError(message, remedy="It is tried again; see what slows this worker down.") from error
        if process.returncode != 0:
            words = stderr.decode(errors="replace")[-300:]
            message = f"{source.repo}: the artifact could not be kept (git: {words})"
            raise GitFailedError(message, remedy="It is tried again; see that the worker's disk has room.")


@contextmanager
def _untold(credential: Credential) -> Iterator[None]:
    """Take out of what is raised what a server repeats of the credential that it was asked with."""
    values = (value.decode(errors="replace").strip() for name, value in credential.items() if name not in _PUBLIC)
    secrets = Secrets(values)
    try:
        yield
    except FlotillaError as error:
        silence(error, secrets)
        raise


def _stream(commit: str, files: Files) -> bytes:
    """Return what git fast-import reads to keep ``files`` under the artifact's ref."""
    note = f"sha256:{commit}"
    parts: list[bytes | memoryview] = [
        f"commit {_REFS}{commit}\ncommitter flotilla <flotilla@localhost> 0 +0000\n".encode(),
        f"data {len(note)}\n{note}\n".encode(),
    ]
    for path, content in sorted(files.items()):
        quoted = path.replace('"', '\\"')  # a backslash or a control character cannot be in it
        parts += (f'M 100644 inline "{quoted}"\ndata {len(content)}\n'.encode(), content, b"\n")
    return b"".join([*parts, b"done\n"])
