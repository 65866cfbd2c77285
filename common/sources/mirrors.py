"""Bare mirrors of repositories: one for each (URL, credentials reference) on a machine.

A mirror belongs to its credentials: who may read a repository only with them never reads it through another's mirror.
Looking for news costs one ``ls-remote``; objects are fetched only when a branch or tag moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from common.clock import Clock, SystemClock
from common.credentials import Credential, CredentialsProvider
from common.domain.addresses import GitAddress
from common.domain.commits import Passage
from common.domain.errors import FlotillaError
from common.domain.refs import GitRef, Range, is_commit
from common.semver import RangeError, VersionRange
from common.settings import Settings
from common.sources.diagnosis import explained
from common.sources.environment import authorised
from common.sources.faults import (
    MirrorCorruptError,
    RefMissingError,
    RefNotTakenError,
    RefRefusedError,
    SubmoduleRefusedError,
    fault_of,
)
from common.sources.fetching import LOCAL, Fetching, MirrorLimits, missing
from common.sources.git import Answer, GitRunner
from common.sources.history import passage
from common.sources.objects import SUBMODULE, Objects
from common.sources.opened import OpenRepositories
from common.sources.places import Place, is_shared
from common.sources.signatures import Signed, keyring, verify
from common.sources.submodules import DEEPEST, MODULES, MOST, Allowed, Module, WithSubmodules, absolute, declared
from common.sources.trees import Tree, TreeLimits
from common.sources.urls import PlainHttp, checked_ref, checked_url

_TAG = "refs/tags/"
_TAGS = "%09".join(("%(objectname)", "%(*objectname)", "%(refname)", "%(tag)"))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source is, as its server said it.

    Attributes:
        commit: full id; tags are peeled.
        fetched_at: when the server was last asked.
        version: by which people call it: a tag, or the version of a chart; empty where it is followed by no such name.
    """

    commit: str
    fetched_at: datetime
    version: str = ""


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
        self._fetching = Fetching(self._runner, self._limits, self._opened)
        self._verified: set[tuple[str, ...]] = set()

    def fetch(self, source: GitRef) -> Fetched:
        """Ask the server what ``source`` is now, and bring the mirror up to it.

        Who waits here for somebody else's fetch that began after the call takes its result. A commit that the mirror
        holds is not asked for. After any error the mirror is as good as before.

        Raises:
            UrlRefusedError, RefRefusedError: it must not be given to git.
            CredentialsMissingError, CredentialsRefusedError: there is nothing fit to sign in with.
            RefMissingError, EmptyRepositoryError: the server has no such branch, tag or commit.
            RefNotTakenError: the server has it, and git on this machine does not take it.
            PermanentError: the server refuses us, or sends what must not be kept (``common.sources.faults``).
            TransientError: the server cannot be reached, is too slow, or the mirror is damaged.
        """
        url, meant = self._checked(source)
        ref = str(meant)
        place = Place(self._root, source.repo, source.credentials)
        place.make()
        asked = place.state.started
        if is_commit(ref) and place.usable and self._objects(place, url).has(ref):
            return self._fetched(source, self._clock.now())
        with place.locked(self._limits.look + self._limits.fetch, url=url.text):
            state = place.state
            if state.finished > asked:
                if state.fault is not None:
                    raise state.fault
            else:
                state = state.begun()
                place.keep(state)
                try:
                    credential = self._credential(source)
                    with explained(url, credential), authorised(url, credential, self._limits.link_local) as variables:
                        not_taken = self._fetching.update(url, place, ref, variables)
                except FlotillaError as error:
                    place.keep(state.failed(error) if is_shared(error) else state)
                    raise
                state = state.succeeded(self._clock.now(), not_taken)
                place.keep(state)
            if is_commit(ref) and not self._objects(place, url).has(ref):
                with authorised(url, self._credential(source), self._limits.link_local) as variables:
                    self._fetching.commit(url, place, ref, variables)
        self._check_taken(url, place, meant, state.not_taken)
        return self._fetched(source, datetime.fromisoformat(state.fetched_at).astimezone(UTC))

    def _check_taken(self, url: GitAddress, place: Place, ref: str | Range, not_taken: Sequence[str]) -> None:
        """Return if ``ref`` does not mean one of the refs that git did not take."""
        if not_taken and isinstance(ref, Range):
            ref = _highest_tag([*self._fetching.local_refs(place, url), *not_taken], url, ref)
        if ref in not_taken:
            message = f"{url} has {ref}, but git does not take it from there"
            remedy = "Look whether the server's own repository is damaged: `git fsck` there tells; then push again."
            raise RefNotTakenError(message, remedy=remedy)

    def resolve(self, source: GitRef) -> str:
        """Return the commit that ``source`` is in the mirror as last fetched; asks no server.

        Raises:
            UrlRefusedError, RefRefusedError: it must not be given to git.
            RefMissingError: the mirror has no such branch, tag or commit.
            MirrorCorruptError: the mirror is damaged.
        """
        return self._resolved(source)[0]

    def _fetched(self, source: GitRef, at: datetime) -> Fetched:
        commit, ref = self._resolved(source)
        return Fetched(commit, at, ref.removeprefix(_TAG) if ref.startswith(_TAG) else "")

    def _resolved(self, source: GitRef) -> tuple[str, str]:
        """Return the commit, and the ref or commit by which it was found."""
        url, ref = self._checked(source)
        place = Place(self._root, source.repo, source.credentials)
        if not place.repo.exists():
            raise missing(url, str(ref))
        if isinstance(ref, Range):
            ref = _highest_tag(self._fetching.local_refs(place, url), url, ref)
        commit = self._parsed(place, f"{ref}^{{commit}}")
        if commit:
            return commit, ref
        named = "" if is_commit(ref) else self._parsed(place, ref)
        if named and not self._objects(place, url).has(named):
            place.suspect()
            message = f"{url}: the mirror has no object for {ref}"
            raise MirrorCorruptError(message, remedy="It is rebuilt with the next fetch.")
        raise missing(url, ref)

    def tree(self, source: GitRef, commit: str, allowed: Allowed | None = None) -> Tree:
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

    def _tree(self, source: GitRef, commit: str, allowed: Allowed, depth: int) -> Tree:
        url, _ = self._checked(source)
        place = Place(self._root, source.repo, source.credentials)
        if not (place.usable and self._objects(place, url).has(commit)):
            self.fetch(GitRef(source.repo, source.credentials, commit))
        objects = self._objects(place, url)
        (content,) = objects.contents([commit])
        word, _, rest = content.partition(b" ")
        if word != b"tree":
            raise missing(url, commit)
        tree = Tree(source.repo, commit, rest[: len(commit)].decode(), objects, self._tree_limits)
        if not source.submodules:
            return tree
        modules = {module.commit: module for module in self._modules(tree, place, url)}

        def opened(module: Module) -> Tree:
            return self._submodule(module, source, allowed, depth + 1)

        return replace(tree, store=WithSubmodules(objects, modules, opened)) if modules else tree

    def _modules(self, tree: Tree, place: Place, url: GitAddress) -> Iterator[Module]:
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

    def _submodule(self, module: Module, parent: GitRef, allowed: Allowed, depth: int) -> Tree:
        url, _ = self._checked(GitRef(module.url, "", module.commit))
        if depth > DEEPEST:
            message = f"{module.path}: submodules within submodules deeper than {DEEPEST} levels"
            raise SubmoduleRefusedError(message, remedy="Name the repository itself as the source.")
        if not allowed(url.text):
            message = f"{module.path} is a submodule from {url}, which the application's project may not use"
            raise SubmoduleRefusedError(message, remedy="Have the project's repos allow it.")
        above, _ = self._checked(parent)
        same = (url.transport, url.host, url.origin) == (above.transport, above.host, above.origin)
        credentials = parent.credentials if same else ""
        return self._tree(GitRef(url.text, credentials, module.commit, submodules=True), module.commit, allowed, depth)

    def history(self, source: GitRef, commit: str, since: str | None) -> Passage:
        """Return how ``source`` came to ``commit``, which the mirror holds, from what it was before.

        Raises:
            FlotillaError: the mirror cannot be read, or git takes too long.
        """
        self._checked(source)
        place = Place(self._root, source.repo, source.credentials)
        return passage(partial(self._local, place), commit, since)

    def verify(self, source: GitRef, commit: str, keys: Sequence[str]) -> None:
        """Return if ``commit``, or a tag that ``source`` names it by, is signed by one of the keys called ``keys``.

        Raises:
            SignatureRefusedError: it is not.
            GpgMissingError: this machine cannot tell.
            CredentialsMissingError, CredentialsRefusedError: a key is not stored, or is none.
            FlotillaError: as ``tree``.
        """
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

    def _tag_of(self, place: Place, url: GitAddress, ref: str | Range, commit: str) -> Iterator[Signed]:
        """Yield the annotated tag of ``commit`` that ``ref`` means, if it has one.

        A tag counts only under the name that was signed, and of several in a range the highest alone: else whoever may
        push could give an old one a higher name.
        """
        if not (isinstance(ref, Range) or ref.startswith(_TAG)):
            return
        answer = self._local(place, ["for-each-ref", f"--format={_TAGS}", _TAG])
        if answer.status != 0:
            raise fault_of(answer.stderr, url=url.text)
        tags: dict[str, tuple[str, str]] = {}
        for line in answer.stdout.decode(errors="replace").splitlines():
            oid, target, name, signed_name = line.split("\t")
            if commit in {oid, target}:
                tags[name.removeprefix(_TAG)] = (oid, signed_name)
        tag = VersionRange(ref.text).highest(tags) if isinstance(ref, Range) else ref.removeprefix(_TAG)
        oid, signed_name = tags.get(tag or "", ("", ""))
        if oid and tag == signed_name:
            yield Signed("tag", oid, tag)

    def _checked(self, source: GitRef) -> tuple[GitAddress, str | Range]:
        # A range is never given to git: only the tag that it stands for is.
        ref = source.ref if isinstance(source.ref, Range) else checked_ref(source.ref)
        return checked_url(source.repo, plain_http=self._runner.plain_http), ref

    def _objects(self, place: Place, url: GitAddress) -> Objects:
        return self._opened.objects(place, url=url.text)

    def _local(self, place: Place, arguments: Sequence[str]) -> Answer:
        return self._runner.run(place.repo, ["--git-dir=.", *arguments], timeout=LOCAL)

    def _parsed(self, place: Place, name: str) -> str:
        """Return the id that ``name`` stands for in the mirror, or an empty text."""
        answer = self._local(place, ["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        found = answer.stdout.decode(errors="replace").strip()
        return found if answer.status == 0 and is_commit(found) else ""

    def _credential(self, source: GitRef) -> Credential:
        return self._credentials.get(source.credentials) if source.credentials else {}


def _highest_tag(refs: Iterable[str], url: GitAddress, within: Range) -> str:
    """Return the one of ``refs`` that is the tag of the highest version in a range."""
    try:
        wanted = VersionRange(within.text)
    except RangeError as error:
        raise RefRefusedError(str(error), remedy="Write it as in '>=1.8 <2' or '^1.2'.") from error
    tag = wanted.highest(ref.removeprefix(_TAG) for ref in refs if ref.startswith(_TAG))
    if tag is None:
        message = f"{url} has no tag in {within}"
        raise RefMissingError(message, remedy="Tags are versions such as v1.8.0; push one, or correct the range.")
    return checked_ref(f"{_TAG}{tag}")


def mirrors_from(settings: Settings, credentials: CredentialsProvider) -> Mirrors:
    """Return this machine's mirrors as ``settings`` say."""
    plain_http = PlainHttp.LOOPBACK if settings.allow_loopback_http else PlainHttp.REFUSED
    return Mirrors(
        settings.mirrors_dir or settings.path("mirrors"),
        credentials,
        plain_http=plain_http,
        limits=MirrorLimits(link_local=settings.link_local),
    )
