"""Bare mirrors of repositories: one for each (URL, credentials reference) on a machine.

A mirror belongs to its credentials: who may read a repository only with them never reads it through another's mirror.
Looking for news costs one ``ls-remote``; objects are fetched only when a branch or tag moved.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from common.clock import Clock, SystemClock
from common.domain.errors import FlotillaError
from common.domain.refs import SEMVER, SUBMODULES, SourceRef
from common.semver import RangeError, VersionRange
from common.settings import Settings
from common.sources.credentials import Credential, CredentialsProvider
from common.sources.environment import authorised
from common.sources.faults import (
    EmptyRepositoryError,
    MirrorCorruptError,
    RefMissingError,
    RefRefusedError,
    RepositoryTooLargeError,
    SubmoduleRefusedError,
    fault_of,
)
from common.sources.git import Answer, GitRunner
from common.sources.objects import SUBMODULE, Objects
from common.sources.opened import OpenRepositories
from common.sources.places import Place, is_shared, size_of
from common.sources.signatures import Signed, keyring, verify
from common.sources.submodules import DEEPEST, MODULES, MOST, Allowed, Module, WithSubmodules, absolute, declared
from common.sources.trees import Tree, TreeLimits
from common.sources.urls import GitUrl, PlainHttp, checked_ref, checked_url, is_commit

_NAMESPACES = ("refs/heads/", "refs/tags/")
_PINS = "refs/flotilla/pins/"
_TAGS = "%09".join(("%(objectname)", "%(*objectname)", "%(refname)", "%(tag)"))
_NO_REPOSITORY = {"GIT_DIR": "/nonexistent"}
_GIBIBYTE = 1 << 30
_LOCAL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class MirrorLimits:
    """Bounds of one fetch.

    Attributes:
        look: longest that a server may take to list its refs.
        fetch: longest that it may take to send objects; a first fetch sends the whole history.
        max_bytes: size of a mirror on disk.
    """

    look: timedelta = timedelta(seconds=20)
    fetch: timedelta = timedelta(minutes=5)
    max_bytes: int = 4 * _GIBIBYTE


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source is, as its server said it.

    Attributes:
        commit: full id; tags are peeled.
        fetched_at: when the server was last asked.
    """

    commit: str
    fetched_at: datetime


class Mirrors:
    """The mirrors under one folder. Safe to use from several threads and processes of one machine.

    Args:
        root: made when needed, mode 0700.
        credentials: asked at each fetch; nothing of the answer is kept.
        plain_http: whether http to loopback is allowed.
        limits: of fetches.
        tree_limits: of what is read from trees.
        clock: dates fetches.
    """

    def __init__(
        self,
        root: Path,
        credentials: CredentialsProvider,
        *,
        plain_http: PlainHttp = PlainHttp.REFUSED,
        limits: MirrorLimits | None = None,
        tree_limits: TreeLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._root = root
        self._credentials = credentials
        self._runner = GitRunner(plain_http)
        self._limits = limits or MirrorLimits()
        self._tree_limits = tree_limits or TreeLimits()
        self._clock = clock or SystemClock()
        self._opened = OpenRepositories(self._runner)
        self._verified: set[tuple[str, ...]] = set()

    def fetch(self, source: SourceRef) -> Fetched:
        """Ask the server what ``source`` is now, and bring the mirror up to it.

        Who waits here for somebody else's fetch that began after the call takes its result. A commit that the mirror
        holds is not asked for. After any error the mirror is as good as before.

        Raises:
            UrlRefusedError, RefRefusedError: it must not be given to git.
            CredentialsMissingError, CredentialsRefusedError: there is nothing fit to sign in with.
            RefMissingError, EmptyRepositoryError: the server has no such branch, tag or commit.
            PermanentError: the server refuses us, or sends what must not be kept (``common.sources.faults``).
            TransientError: the server cannot be reached, is too slow, or the mirror is damaged.
        """
        source = _without_prefix(source)
        url, ref = self._checked(source)
        place = Place(self._root, source.repo, source.credentials)
        place.make()
        asked = place.state.started
        if is_commit(ref) and place.usable and self._objects(place, url).has(ref):
            return Fetched(self.resolve(source), self._clock.now())
        with place.locked(self._limits.look + self._limits.fetch, url=url.text):
            state = place.state
            if state.finished > asked:
                if state.fault is not None:
                    raise state.fault
            else:
                state = state.begun()
                place.keep(state)
                try:
                    self._update(url, source, place)
                except FlotillaError as error:
                    place.keep(state.failed(error) if is_shared(error) else state)
                    raise
                state = state.succeeded(self._clock.now())
                place.keep(state)
            if is_commit(ref) and not self._objects(place, url).has(ref):
                self._fetch_commit(url, source, place)
        return Fetched(self.resolve(source), datetime.fromisoformat(state.fetched_at).astimezone(UTC))

    def resolve(self, source: SourceRef) -> str:
        """Return the commit that ``source`` is in the mirror as last fetched; asks no server.

        Raises:
            UrlRefusedError, RefRefusedError: it must not be given to git.
            RefMissingError: the mirror has no such branch, tag or commit.
            MirrorCorruptError: the mirror is damaged.
        """
        source = _without_prefix(source)
        url, ref = self._checked(source)
        place = Place(self._root, source.repo, source.credentials)
        if not place.repo.exists():
            raise _missing(url, ref)
        if ref.startswith(SEMVER):
            ref = self._tag_in(place, url, ref.removeprefix(SEMVER))
        commit = self._parsed(place, f"{ref}^{{commit}}")
        if commit:
            return commit
        named = "" if is_commit(ref) else self._parsed(place, ref)
        if named and not self._objects(place, url).has(named):
            place.suspect()
            message = f"{url}: the mirror has no object for {ref}"
            raise MirrorCorruptError(message, remedy="It is built anew with the next fetch.")
        raise _missing(url, ref)

    def tree(self, source: SourceRef, commit: str, allowed: Allowed | None = None) -> Tree:
        """Return the tree at ``commit``, fetching only if the mirror lacks it or is damaged.

        Args:
            source: of which the commit is; where it asks for submodules, they are folders, fetched when one is read.
            commit: full id.
            allowed: whether the repository of a submodule may be read; None refuses all.

        Raises:
            RefMissingError: the server does not give that commit (any more).
            FlotillaError: as ``fetch``.
        """
        return self._tree(source, commit, allowed or (lambda _: False), 0)

    def _tree(self, source: SourceRef, commit: str, allowed: Allowed, depth: int) -> Tree:
        own = _without_prefix(source)
        url, _ = self._checked(own)
        place = Place(self._root, own.repo, own.credentials)
        if not (place.usable and self._objects(place, url).has(commit)):
            self.fetch(SourceRef(own.repo, own.credentials, commit))
        objects = self._objects(place, url)
        (content,) = objects.contents([commit])
        word, _, rest = content.partition(b" ")
        if word != b"tree":
            raise _missing(url, commit)
        tree = Tree(own.repo, commit, rest[: len(commit)].decode(), objects, self._tree_limits)
        if own is source:
            return tree
        modules = {module.commit: module for module in self._modules(tree, place, url)}

        def opened(module: Module) -> Tree:
            return self._submodule(module, own, allowed, depth + 1)

        return replace(tree, store=WithSubmodules(objects, modules, opened)) if modules else tree

    def _modules(self, tree: Tree, place: Place, url: GitUrl) -> Iterator[Module]:
        """Yield the submodules that the tree holds and its ``.gitmodules`` names, read by Git itself."""
        file = tree.entry(MODULES)
        if file is None or file.is_folder or file.is_link:
            return
        answer = self._local(place, ["config", f"--blob={file.oid}", "--no-includes", "--null", "--list"])
        if answer.status != 0:
            message = f"{MODULES} of {url} cannot be read: {' '.join(answer.stderr.split())[:200]}"
            raise SubmoduleRefusedError(message, remedy="Correct it; `git config --file .gitmodules --list` reads it.")
        settings = [line.partition("\n") for line in answer.stdout.decode(errors="replace").split("\0") if line]
        named = declared([(key, value) for key, _, value in settings])
        for path, where in islice(named.items(), MOST):
            entry = None if path.startswith(("..", "/")) else tree.entry(path)
            if entry is not None and entry.mode == SUBMODULE:
                yield Module(path, absolute(where, url.text), entry.oid)

    def _submodule(self, module: Module, parent: SourceRef, allowed: Allowed, depth: int) -> Tree:
        url, _ = self._checked(SourceRef(module.url, "", module.commit))
        if depth > DEEPEST:
            message = f"{module.path}: submodules within submodules deeper than {DEEPEST} levels"
            raise SubmoduleRefusedError(message, remedy="Name the repository itself as the source.")
        if not allowed(url.text):
            message = f"{module.path} is a submodule from {url}, which the application's project may not use"
            raise SubmoduleRefusedError(message, remedy="Have the project's repos allow it.")
        above, _ = self._checked(parent)
        same = (url.transport, url.host, url.origin) == (above.transport, above.host, above.origin)
        credentials = parent.credentials if same else ""
        return self._tree(
            SourceRef(url.text, credentials, f"{SUBMODULES}{module.commit}"), module.commit, allowed, depth
        )

    def verify(self, source: SourceRef, commit: str, keys: Sequence[str]) -> None:
        """Return if ``commit``, or a tag that ``source`` names it by, is signed by one of the keys called ``keys``.

        Raises:
            SignatureRefusedError: it is not.
            GpgMissingError: this machine cannot tell.
            CredentialsMissingError, CredentialsRefusedError: a key is not stored, or is none.
            FlotillaError: as ``tree``.
        """
        source = _without_prefix(source)
        url, ref = self._checked(source)
        self.tree(source, commit)
        place = Place(self._root, source.repo, source.credentials)
        trusted = keyring(self._credentials, keys)
        candidates = [Signed("commit", commit, commit[:12]), *self._tag_of(place, url, ref, commit)]
        known = (commit, *(one.oid for one in candidates), trusted.digest)
        if known not in self._verified:
            verify(self._runner, place.repo, candidates, trusted, what=f"{url} at {commit[:12]}")
            self._verified.add(known)

    def close(self) -> None:
        """End the processes that read objects."""
        self._opened.close()

    def _tag_of(self, place: Place, url: GitUrl, ref: str, commit: str) -> Iterator[Signed]:
        """Yield the annotated tag of ``commit`` that ``ref`` means, if it has one.

        A tag counts only under the name that was signed, and of several in a range the highest alone: else whoever may
        push could give an old one a higher name.
        """
        if not ref.startswith((SEMVER, "refs/tags/")):
            return
        answer = self._local(place, ["for-each-ref", f"--format={_TAGS}", "refs/tags/"])
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        tags: dict[str, tuple[str, str]] = {}
        for line in answer.stdout.decode(errors="replace").splitlines():
            oid, target, name, signed_name = line.split("\t")
            if commit in {oid, target}:
                tags[name.removeprefix("refs/tags/")] = (oid, signed_name)
        semver = ref.startswith(SEMVER)
        tag = VersionRange(ref.removeprefix(SEMVER)).highest(tags) if semver else ref.removeprefix("refs/tags/")
        oid, signed_name = tags.get(tag or "", ("", ""))
        if oid and tag == signed_name:
            yield Signed("tag", oid, tag)

    def _checked(self, source: SourceRef) -> tuple[GitUrl, str]:
        # A range is never given to git: only the tag that it stands for is.
        ref = source.ref if source.ref.startswith(SEMVER) else checked_ref(source.ref)
        return checked_url(source.repo, plain_http=self._runner.plain_http), ref

    def _tag_in(self, place: Place, url: GitUrl, text: str) -> str:
        """Return the ref of the highest version's tag in a range."""
        try:
            wanted = VersionRange(text)
        except RangeError as error:
            raise RefRefusedError(str(error), remedy="Write it as in '>=1.8 <2' or '^1.2'.") from error
        prefix = "refs/tags/"
        tags = (ref.removeprefix(prefix) for ref in self._local_refs(place, url) if ref.startswith(prefix))
        tag = wanted.highest(tags)
        if tag is None:
            message = f"{url} has no tag in {text}"
            raise RefMissingError(message, remedy="Tags are versions such as v1.8.0; push one, or correct the range.")
        return checked_ref(f"{prefix}{tag}")

    def _objects(self, place: Place, url: GitUrl) -> Objects:
        return self._opened.objects(place, url=url.text)

    def _local(self, place: Place, arguments: Sequence[str]) -> Answer:
        return self._runner.run(place.repo, ["--git-dir=.", *arguments], timeout=_LOCAL)

    def _parsed(self, place: Place, name: str) -> str:
        """Return the id that ``name`` stands for in the mirror, or an empty text."""
        answer = self._local(place, ["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        found = answer.stdout.decode(errors="replace").strip()
        return found if answer.status == 0 and is_commit(found) else ""

    def _credential(self, source: SourceRef) -> Credential:
        return self._credentials.get(source.credentials) if source.credentials else {}

    def _update(self, url: GitUrl, source: SourceRef, place: Place) -> None:
        """Bring the mirror up to its server; the caller holds the lock."""
        place.tidy()
        with authorised(url, self._credential(source)) as variables:
            wanted = self._remote_refs(url, place, variables)
            if not wanted:
                message = f"{url} has no branch and no tag"
                raise EmptyRepositoryError(message, remedy="Push a first commit.")
            if not (place.usable and self._caught_up(url, source, place, wanted, variables)):
                self._build(url, place, wanted, variables)

    def _caught_up(
        self, url: GitUrl, source: SourceRef, place: Place, wanted: Mapping[str, str], variables: Mapping[str, str]
    ) -> bool:
        """Fetch what is new; tell whether the mirror is whole."""
        try:
            if self._local_refs(place, url) != wanted:
                self._fetch_all(url, place, place.repo, variables)
            return source.ref not in wanted or self._objects(place, url).has(wanted[source.ref])
        except MirrorCorruptError:
            return False

    def _remote_refs(self, url: GitUrl, place: Place, variables: Mapping[str, str]) -> dict[str, str]:
        patterns = [f"{namespace}*" for namespace in _NAMESPACES]
        arguments = ["ls-remote", "--quiet", "--refs", "--end-of-options", url.text, *patterns]
        variables = {**variables, **_NO_REPOSITORY}
        answer = self._runner.run(place.folder, arguments, timeout=self._limits.look, variables=variables)
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        lines = (line.split("\t", 1) for line in answer.stdout.decode(errors="replace").splitlines())
        return {ref: oid for oid, ref in lines if ref.startswith(_NAMESPACES)}

    def _local_refs(self, place: Place, url: GitUrl) -> dict[str, str]:
        answer = self._local(place, ["for-each-ref", "--format=%(objectname)%09%(refname)", *_NAMESPACES])
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        lines = (line.split("\t", 1) for line in answer.stdout.decode(errors="replace").splitlines())
        return {ref: oid for oid, ref in lines}

    def _fetch_all(self, url: GitUrl, place: Place, repo: Path, variables: Mapping[str, str]) -> None:
        specs = [f"+{namespace}*:{namespace}*" for namespace in _NAMESPACES]
        arguments = ["--prune", *_FETCH, "--end-of-options", url.text, *specs]
        self._git_fetch(url, place, repo, arguments, variables)

    def _fetch_commit(self, url: GitUrl, source: SourceRef, place: Place) -> None:
        """Fetch a commit that no branch or tag leads to, and keep it from being tidied away."""
        spec = f"+{source.ref}:{_PINS}{source.ref}"
        with authorised(url, self._credential(source)) as variables:
            try:
                arguments = [*_FETCH, "--end-of-options", url.text, spec]
                self._git_fetch(url, place, place.repo, arguments, variables)
            except FlotillaError as error:
                if any(words in error.message for words in ("not our ref", "remote error", "no such remote ref")):
                    raise _missing(url, source.ref) from error
                raise

    def _git_fetch(
        self, url: GitUrl, place: Place, repo: Path, arguments: Sequence[str], variables: Mapping[str, str]
    ) -> None:
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
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)

    def _build(self, url: GitUrl, place: Place, wanted: Mapping[str, str], variables: Mapping[str, str]) -> None:
        """Make the mirror anew beside the present one, and put it in its place once it is whole."""
        algorithm = "sha256" if len(next(iter(wanted.values()))) == 64 else "sha1"
        init = ["init", "--bare", "--quiet", "--template=", f"--object-format={algorithm}", place.fresh.name]
        try:
            answer = self._runner.run(place.folder, init, timeout=_LOCAL)
            if answer.status != 0:
                raise fault_of(answer.stderr, url=url.text)
            self._fetch_all(url, place, place.fresh, variables)
        except FlotillaError:
            shutil.rmtree(place.fresh, ignore_errors=True)
            raise
        place.swap()
        self._opened.forget(place)


_FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")


def _without_prefix(source: SourceRef) -> SourceRef:
    """Return what is to be fetched for a source, which is the same with and without its submodules; or itself."""
    if not source.ref.startswith(SUBMODULES):
        return source
    return replace(source, ref=source.ref.removeprefix(SUBMODULES))


def _missing(url: GitUrl, ref: str) -> RefMissingError:
    message = f"{url} has no {ref.removeprefix('refs/heads/').removeprefix('refs/tags/')}"
    return RefMissingError(message, remedy="Correct the source's ref, or push what it names.")


def mirrors_from(settings: Settings, credentials: CredentialsProvider) -> Mirrors:
    """Return this machine's mirrors as ``settings`` say."""
    plain_http = PlainHttp.LOOPBACK if settings.allow_loopback_http else PlainHttp.REFUSED
    return Mirrors(settings.mirrors_dir or settings.path("mirrors"), credentials, plain_http=plain_http)
