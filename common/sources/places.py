"""Where one mirror is on disk, who may change it now, and what came of the fetches before."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from common.credentials import CredentialsMissingError, CredentialsRefusedError
from common.domain.errors import FlotillaError
from common.sources import faults
from common.sources.faults import GitFailedError, TimedOutError

_LOOK = 0.02
_KNOWN = {
    kind.code: kind
    for kind in vars(faults).values()
    if isinstance(kind, type) and issubclass(kind, FlotillaError) and kind.__module__ == faults.__name__
}


@dataclass(frozen=True, slots=True)
class FetchState:
    """What came of the fetches so far.

    Attributes:
        started: number of the last fetch that began.
        finished: number of the last fetch that ended; fetches are never under way at once.
        fetched_at: ISO 8601 instant of the last one that succeeded; empty before.
        code: of the last one's fault; empty when it succeeded.
        message: of that fault.
        remedy: of that fault.
        not_taken: refs that the server had and the mirror did not get.
    """

    started: int = 0
    finished: int = 0
    fetched_at: str = ""
    code: str = ""
    message: str = ""
    remedy: str = ""
    not_taken: tuple[str, ...] = ()

    def begun(self) -> FetchState:
        """Return the state while the next fetch runs."""
        return replace(self, started=self.started + 1)

    def succeeded(self, now: datetime, not_taken: tuple[str, ...]) -> FetchState:
        """Return the state after the fetch under way, but for the refs ``not_taken``."""
        return FetchState(self.started, self.started, now.isoformat(), not_taken=not_taken)

    def failed(self, error: FlotillaError) -> FetchState:
        """Return the state after the fetch under way."""
        return replace(self, finished=self.started, code=error.code, message=error.message, remedy=error.remedy)

    @property
    def fault(self) -> FlotillaError | None:
        """The last fetch's fault, as those see it who waited for its result."""
        if not self.code:
            return None
        return _KNOWN.get(self.code, GitFailedError)(self.message, remedy=self.remedy)


def is_shared(error: FlotillaError) -> bool:
    """Tell whether others who want the same fetch would see the same fault."""
    return not isinstance(error, (CredentialsMissingError, CredentialsRefusedError))


class Place:
    """The folder of one mirror: ``repo.git``, a lock, and the state of its fetches; mode 0700.

    Attributes:
        lock: descriptor of the lock while it is held here. A git that changes the mirror inherits it, so that the lock
            outlives a worker that is killed for as long as its git goes on.
    """

    def __init__(self, root: Path, repo: str, credentials: str) -> None:
        key = hashlib.sha256(f"{repo}\0{credentials}".encode()).hexdigest()[:32]
        self.folder = root / key
        self.repo = self.folder / "repo.git"
        self.fresh = self.folder / "fresh.git"
        self._state = self.folder / "state.json"
        self._suspect = self.folder / "suspect"
        self.lock: int | None = None

    def make(self) -> None:
        """Make the folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self, patience: timedelta, *, url: str) -> Iterator[None]:
        """Hold the right to change the mirror, over all processes of this machine.

        Raises:
            TimedOutError: somebody else held it for too long.
        """
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + patience.total_seconds()
            while not _taken(descriptor):
                if time.monotonic() > deadline:
                    message = f"{url}: another fetch of it did not end within {patience}"
                    raise TimedOutError(message, remedy="It is tried again.")
                time.sleep(_LOOK)
            self.lock = descriptor
            yield
        finally:
            self.lock = None
            os.close(descriptor)

    @property
    def state(self) -> FetchState:
        """What came of the fetches so far; as new where that cannot be read."""
        try:
            return FetchState(**orjson.loads(self._state.read_bytes()))
        except (OSError, ValueError, TypeError):
            return FetchState()

    def keep(self, state: FetchState) -> None:
        """Store ``state`` for the other processes; the caller holds the lock."""
        part = self._state.with_suffix(".part")
        part.write_bytes(orjson.dumps(asdict(state)))
        part.replace(self._state)

    @property
    def usable(self) -> bool:
        """Whether there is a mirror that was not found damaged."""
        return (self.repo / "HEAD").exists() and not self._suspect.exists()

    def suspect(self) -> None:
        """Note that the mirror is damaged: the next fetch builds it again."""
        with suppress(OSError):
            self._suspect.touch(mode=0o600)

    def swap(self) -> None:
        """Put ``fresh`` in the mirror's place; the caller holds the lock."""
        former = self.folder / "former.git"
        shutil.rmtree(former, ignore_errors=True)
        if self.repo.exists():
            self.repo.rename(former)
        self.fresh.rename(self.repo)
        self._suspect.unlink(missing_ok=True)
        shutil.rmtree(former, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a killed git left behind; the caller holds the lock, so whatever is there is stale."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        for left in (
            *self.repo.glob("objects/pack/tmp_*"),
            *self.repo.glob("*.lock"),
            *self.repo.glob("refs/**/*.lock"),
        ):
            left.unlink(missing_ok=True)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def size_of(folder: Path) -> int:
    """Return the bytes of all files below ``folder``; those that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
