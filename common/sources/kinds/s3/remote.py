"""What is in a folder of a bucket now, and what was there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from common.domain.errors import PermanentError
from common.sources.artifacts.addresses import server
from common.sources.artifacts.archives import ArchiveLimits, Files, Holder, check_steps, parents_of, refuse_both
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArchiveBombError,
    ArchivePathError,
    DownloadTooLargeError,
    VersionMissingError,
)
from common.sources.artifacts.remotes import Asking, Found
from common.sources.kinds.s3.bucket import Bucket, BucketChangedError, keys_from
from common.sources.kinds.s3.listing import Entry
from common.sources.kinds.s3.values import S3, S3Ref

_FOLDER = Holder("the bucket", "Rename the object, or name a folder as prefix that does not hold it.")
_MOST_OBJECTS = 5_000
"""Each is asked for by itself."""
_MOST_VERSIONS = 20_000
_MOST_STATES = 50
_DOWNLOADS = 4
"""Times the bytes of one state that may be downloaded to find a former one."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was listed when the folder was last downloaded, and what that was."""

    listing: str = ""
    commit: str = ""


class S3Remote:
    """A folder of a bucket.

    Args:
        bucket: asks the server.
        prefix: of the keys, with a slash at its end; empty for all.
        kept: file that remembers what the last list led to.
        limits: of what is downloaded.
    """

    def __init__(self, bucket: Bucket, prefix: str, kept: Path, limits: ArchiveLimits) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._kept = kept
        self._limits = limits
        self._contents: dict[Entry, bytes] = {}
        self._budget = _DOWNLOADS * limits.max_unpacked

    def wanted(self) -> Found:
        """Return what is in the folder now, downloading it only if the list changed; raises as ``Bucket``."""
        state = self._state(self._bucket.present(self._prefix, limit=_MOST_OBJECTS))
        listing, known = _digest_of(state), self._known()
        if known.listing == listing:
            return Found(known.commit, lambda: self._same(state, known.commit))
        files = self._files(state)
        found = _commit_of(files)
        part = self._kept.with_suffix(".part")
        part.write_bytes(orjson.dumps({"listing": listing, "commit": found}))
        part.replace(self._kept)
        return Found(found, lambda: files)

    def exact(self, commit: str) -> Found:
        """Return the state that was ``commit``: the present one, or one that the bucket's versions still tell of.

        Raises:
            VersionMissingError: it is gone.
            FlotillaError: as ``wanted``.
        """
        for entries in self._states():
            try:
                files = self._files(self._state(entries))
            except (ArchivePathError, ArchiveBombError, DownloadTooLargeError):
                continue  # that was never resolved
            if _commit_of(files) == commit:
                return Found(commit, partial(dict, files))
        raise self._gone(commit)

    def _states(self) -> Iterator[Iterable[Entry]]:
        """Yield the states of the folder, the present one first."""
        yield self._bucket.present(self._prefix, limit=_MOST_OBJECTS)
        try:
            versions = list(self._bucket.history(self._prefix, limit=_MOST_VERSIONS))
        except PermanentError:
            return  # the server keeps no versions, or hides them
        for instant in sorted({each.modified for each in versions}, reverse=True)[:_MOST_STATES]:
            newest: dict[str, Entry] = {}
            for each in versions:  # of each key the newest first
                if each.modified <= instant:
                    newest.setdefault(each.key, each)
            yield (each for each in newest.values() if not each.deleted)

    def _state(self, entries: Iterable[Entry]) -> dict[str, Entry]:
        """Return a state of the folder by path.

        Raises:
            ArchivePathError: a path leads out of it, or is not plain.
            AnswerRefusedError: a path is listed twice.
            DownloadTooLargeError: it is more than is taken.
        """
        state: dict[str, Entry] = {}
        folders: set[str] = set()
        total = 0
        for entry in entries:
            path = entry.key.removeprefix(self._prefix)
            if not entry.size and (not path or path.endswith("/")):
                continue  # stands for a folder in the consoles of such servers
            check_steps(path.split("/"), _FOLDER, self._limits)
            if path in state:
                message = f"{self._bucket.where} lists {path[:200]!r} twice"
                raise AnswerRefusedError(message, remedy="Check the source's endpoint.")
            folders.update(parents_of(path))
            state[path] = entry
            total += entry.size
            if entry.size > self._limits.max_file or total > self._limits.max_unpacked:
                message = f"{self._bucket.where}: {path[:200]!r} makes the folder larger than is taken"
                remedy = (
                    f"Keep files below {self._limits.max_file:,} and all of them below"
                    f" {self._limits.max_unpacked:,} bytes."
                )
                raise DownloadTooLargeError(message, remedy=remedy)
        refuse_both(state, folders, _FOLDER)
        return state

    def _same(self, state: Mapping[str, Entry], commit: str) -> Files:
        """Return the files of a state that was downloaded before."""
        files = self._files(state)
        if _commit_of(files) != commit:
            self._kept.unlink(missing_ok=True)
            message = f"{self._bucket.where} lists what it listed before, and holds something else"
            raise BucketChangedError(message, remedy="It is downloaded again.")
        return files

    def _files(self, state: Mapping[str, Entry]) -> Files:
        return {path: memoryview(self._content(entry)) for path, entry in sorted(state.items())}

    def _content(self, entry: Entry) -> bytes:
        known = self._contents.get(entry)
        if known is None:
            self._budget -= entry.size
            if self._budget < 0:
                message = f"{self._bucket.where}: too much has to be downloaded to find a former state of the folder"
                raise VersionMissingError(message, remedy="Upload that state again, or go on to the present one.")
            known = self._contents[entry] = self._bucket.content(entry)
        return known

    def _known(self) -> _Known:
        try:
            return _Known(**orjson.loads(self._kept.read_bytes()))
        except (OSError, ValueError, TypeError):
            return _Known()

    def _gone(self, commit: str) -> VersionMissingError:
        message = f"{self._bucket.where}/{self._prefix} has no state sha256:{commit} any more"
        remedy = "Have the bucket keep versions, and let the account list them, so that a former state can be read."
        return VersionMissingError(message, remedy=remedy)


def _digest_of(state: Mapping[str, Entry]) -> str:
    """Return what stands for a list; it differs when anything of it does."""
    lines: Sequence[tuple[str, int, str, str]] = [
        (path, entry.size, entry.etag, entry.modified) for path, entry in sorted(state.items())
    ]
    return hashlib.sha256(orjson.dumps(lines)).hexdigest()


def _commit_of(files: Files) -> str:
    """Return the sha256 (hex) over the paths and contents of files."""
    lines = [(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(files.items())]
    return hashlib.sha256(orjson.dumps(lines)).hexdigest()


def s3_remote(source: S3Ref, asking: Asking) -> S3Remote:
    """Return what keeps the folder of ``source``.

    Raises:
        AddressRefusedError: it must not be asked.
        CredentialsRefusedError: the credentials do not fit.
    """
    host, _, rest = source.repo.removeprefix(S3).partition("/")
    name, _, prefix = rest.partition("/")
    if not (source.repo.startswith(S3) and host and name):
        message = f"{source.repo[:80]!r} is no folder of a bucket"
        raise AddressRefusedError(message, remedy="A source in a bucket has endpoint and bucket.")
    where = server(host, asking.plain_http, "the endpoint")
    keys = keys_from(asking.credential, where=where.origin)
    bucket = Bucket(asking.web, where, name, region=source.region, keys=keys)
    return S3Remote(bucket, f"{prefix}/" if prefix else "", asking.folder / "listing.json", asking.limits)
