"""Reads a mirror's objects through long-lived ``cat-file`` processes, and keeps the trees it has seen.

A tree is what one folder holds. An object never changes under its id, so a tree that was read stays right for every
later commit: after one commit only the folders it touched are read again.
"""

from __future__ import annotations

import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from common.sources.faults import MirrorCorruptError, fault_of
from common.sources.git import Drain, GitRunner, end

_BATCH = 400
"""Requests written before answers are read: together they fit a pipe's buffer, so that neither side ever waits."""
_KEPT_ITEMS = 300_000
_KEPT_READERS = 2
"""Processes of one mirror that stay while nothing is read."""
FOLDER, FILE, EXECUTABLE, SYMLINK, SUBMODULE = "40000", "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a folder: its mode as git writes it, and the id of what it holds."""

    name: str
    mode: str
    oid: str


class Objects:
    """The objects of one mirror. Safe to use from several threads: each reads through a process that is its alone.

    Args:
        runner: starts git.
        folder: the bare repository.
        url: for messages.
        damaged: told when an object cannot be read.
    """

    def __init__(self, runner: GitRunner, folder: Path, *, url: str, damaged: Callable[[], None]) -> None:
        self._runner = runner
        self._damaged = damaged
        self._folder = folder
        self._url = url
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []
        self._closed = 0
        """How often it was closed: a reader from before is not used again, because another repository may be there."""
        self._trees: OrderedDict[str, dict[str, Item]] = OrderedDict()
        self._items = 0

    def tree(self, oid: str) -> dict[str, Item]:
        """Return the entries of a tree (or of a commit's root) by name, in git's order; not to be changed.

        Raises:
            MirrorCorruptError: it cannot be read.
        """
        with self._lock:
            known = self._trees.get(oid)
            if known is not None:
                self._trees.move_to_end(oid)
                return known
        (content,) = self.contents([oid])
        found = _items(content, len(oid) // 2)
        with self._lock:
            self._trees[oid] = found
            self._items += len(found) + 1
            while self._items > _KEPT_ITEMS and len(self._trees) > 1:
                _, dropped = self._trees.popitem(last=False)
                self._items -= len(dropped) + 1
        return found

    def has(self, oid: str) -> bool:
        """Tell whether the mirror holds an object.

        Raises:
            MirrorCorruptError: that cannot be found out.
        """
        return self._asked("info", [oid], absent=True)[0][0] >= 0

    def sizes(self, oids: Sequence[str]) -> list[int]:
        """Return the size in bytes of each object, without reading it.

        Raises:
            MirrorCorruptError: one is missing or damaged.
        """
        return [size for batch in _batches(oids) for size, _ in self._asked("info", batch)]

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """Return each object; the caller has checked the sizes.

        Raises:
            MirrorCorruptError: one is missing or damaged.
        """
        return [content for batch in _batches(oids) for _, content in self._asked("contents", batch)]

    def close(self) -> None:
        """End the processes, those in use once they are given back; others are started when needed."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()
            self._closed += 1
        for reader in idle:
            reader.end()

    def _asked(self, command: str, oids: Sequence[str], *, absent: bool = False) -> list[tuple[int, bytes]]:
        reader, closed = self._taken()
        try:
            found = reader.ask(command, oids, absent=absent)
        except (OSError, ValueError, EOFError) as error:
            said = reader.end()
            self._damaged()
            fault = fault_of(said, url=self._url) if said else None
            if isinstance(fault, MirrorCorruptError):
                raise fault from error
            message = f"{self._url}: an object of the mirror cannot be read"
            raise MirrorCorruptError(message, remedy="The mirror is rebuilt with the next fetch.") from error
        self._give_back(reader, closed)
        return found

    def _taken(self) -> tuple[_Reader, int]:
        """Return a reader that is the caller's until it is given back, and how often this was closed before."""
        while True:
            with self._lock:
                closed, reader = self._closed, self._idle.pop() if self._idle else None
            if reader is None:
                return _Reader(self._runner, self._folder), closed
            if reader.lives:
                return reader, closed
            reader.end()

    def _give_back(self, reader: _Reader, closed: int) -> None:
        with self._lock:
            kept = closed == self._closed and len(self._idle) < _KEPT_READERS
            if kept:
                self._idle.append(reader)
        if not kept:
            reader.end()


class _Reader:
    """One ``cat-file`` process; used by one thread at a time."""

    def __init__(self, runner: GitRunner, folder: Path) -> None:
        self._process = runner.start(folder, ["--git-dir=.", "cat-file", "--batch-command", "--buffer"])
        self._stderr = Drain(self._process.stderr, 1 << 14)

    @property
    def lives(self) -> bool:
        """Whether the process has not ended by itself."""
        return self._process.poll() is None

    def ask(self, command: str, oids: Sequence[str], *, absent: bool) -> list[tuple[int, bytes]]:
        """Return size and content of each object; a size of -1 for one that is missing and may be ``absent``.

        Raises:
            OSError, ValueError, EOFError: one is missing or damaged, or the process ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EOFError
        requests = "".join(f"{command} {oid}\n" for oid in oids)
        stdin.write(f"{requests}flush\n".encode())
        stdin.flush()
        answers = [_answer(stdout, oid, body=command == "contents") for oid in oids]
        if not absent and any(size < 0 for size, _ in answers):
            raise EOFError
        return answers

    def end(self) -> str:
        """End the process; return what it complained of."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        self._stderr.ended(1)
        end(self._process)
        return self._stderr.content.decode(errors="replace")


def _batches(oids: Sequence[str]) -> list[Sequence[str]]:
    return [oids[start : start + _BATCH] for start in range(0, len(oids), _BATCH)]


def _answer(stdout: IO[bytes], oid: str, *, body: bool) -> tuple[int, bytes]:
    words = stdout.readline().decode().split()
    if words == [oid, "missing"]:
        return -1, b""
    if len(words) != 3 or words[0] != oid:
        raise EOFError
    size = int(words[2])
    if not body:
        return size, b""
    content = stdout.read(size + 1)
    if len(content) != size + 1:
        raise EOFError
    return size, content[:-1]


def _items(content: bytes, width: int) -> dict[str, Item]:
    """Return the entries of a tree object: ``mode SP name NUL id`` with an id of ``width`` bytes."""
    found: dict[str, Item] = {}
    at = 0
    while at < len(content):
        space = content.index(b" ", at)
        zero = content.index(b"\0", space)
        name = content[space + 1 : zero].decode(errors="backslashreplace")
        oid = content[zero + 1 : zero + 1 + width].hex()
        found[name] = Item(name, _mode(content[at:space]), oid)
        at = zero + 1 + width
    return found


def _mode(spelt: bytes) -> str:
    """Return a mode as git understands it: old tools wrote zeros before it, or bits that mean nothing."""
    bits = int(spelt, 8)
    if stat.S_ISREG(bits):
        return EXECUTABLE if bits & stat.S_IXUSR else FILE
    if stat.S_ISDIR(bits):
        return FOLDER
    return SYMLINK if stat.S_ISLNK(bits) else SUBMODULE
