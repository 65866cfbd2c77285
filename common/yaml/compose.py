"""Builds JSON values from parser events, counting before it builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from common.yaml.faults import YamlError, YamlFault
from common.yaml.limits import YamlLimits
from common.yaml.positions import Positions
from common.yaml.scalars import Dialect, key, plain

_TAGS = "tag:yaml.org,2002:"
_QUOTE = "quote it, or correct it"
_MOST_FAULTS = 100
Path = tuple[str | int, ...]


class Repeated(StrEnum):
    """What becomes of a key that a mapping gives twice."""

    REFUSED = "refused"
    """A fault."""
    LAST = "last"
    """The last one counts, as for kubectl and Helm; the document says so."""


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A key that a mapping gives once more; lines count from 1.

    Attributes:
        line: where it is given again.
        key: short, printable and quoted.
        first: the line on which it was given first.
    """

    line: int
    key: str
    first: int


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        value: mappings, lists, strings, numbers, booleans and None; repeated parts (aliases) are shared, so treat it
            as read-only.
        line: where it starts, from 1.
        text: its own text, which loads to the same value.
        lines: line of each key and list item by its path; not filled inside aliases, and empty unless asked for.
        repeated: keys given twice, up to a bound, where the last one counts.
    """

    value: Any
    line: int
    text: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict)
    repeated: tuple[RepeatedKey, ...] = ()


@dataclass(slots=True)
class _Frame:
    """A mapping or list under construction."""

    container: Any
    path: Path
    line: int
    anchor: str | None
    size: int = 1
    height: int = 1
    key: str | None = None
    key_line: int = 0
    key_lines: dict[str, int] = field(default_factory=dict)
    merges: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    size: int
    height: int


_MERGE = object()


class Composer:
    """Turns the events of one document after the other into values.

    Args:
        limits: bounds of nodes and depth over all documents that pass through it.
        dialect: how keys are read.
        positions: of the text that the events come from.
        lines: whether to keep the line of each key.
        repeated: what becomes of keys given twice.
    """

    def __init__(
        self, limits: YamlLimits, dialect: Dialect, positions: Positions, *, lines: bool, repeated: Repeated
    ) -> None:
        self.positions = positions
        self.faults: list[YamlFault] = []
        self.repeated: list[RepeatedKey] = []
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self._limits = limits
        self._dialect = dialect
        self._track = lines
        self._repeated = repeated
        self._nodes = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored | None] = {}

    def begin(self) -> None:
        """Start a document: anchors do not cross documents."""
        self.value, self.lines, self.repeated = None, {}, []
        self._anchors = {}

    def feed(self, event: yaml.Event) -> None:
        """Take one event inside a document.

        Raises:
            YamlError: a bound is exceeded, so that reading on is not safe.
        """
        line = self.positions.line_of(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event, line)
        else:
            self._close()

    def fault(self, line: int, what: str, remedy: str) -> None:
        """Note a fault that does not stop the reading, up to a bound."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(YamlFault(line, what, remedy))

    def _stop(self, line: int, what: str, remedy: str) -> YamlError:
        return YamlError([*self.faults, YamlFault(line, what, remedy)])

    def _count(self, line: int, *, size: int, height: int) -> None:
        self._nodes += size
        if self._nodes > self._limits.max_nodes:
            what = f"more than {self._limits.max_nodes:,} nodes, aliases counted in full"
            raise self._stop(line, what, "split the file, or repeat less")
        if len(self._stack) + height > self._limits.max_depth:
            what = f"nested deeper than {self._limits.max_depth} levels"
            raise self._stop(line, what, "flatten it")

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(line, size=1, height=0)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self._key(frame, event, line)
            return
        value = self._resolved(event, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        self._put(value, line, size=1, height=0)

    def _resolved(self, event: yaml.ScalarEvent, line: int) -> Any:
        tag = event.tag
        if tag == "!" or tag == f"{_TAGS}str" or (tag is None and not event.implicit[0]):
            return event.value
        try:
            value = plain(event.value)
        except ValueError as error:
            self.fault(line, str(error), _QUOTE)
            return None
        if tag is None or _fits(tag, value):
            return value
        if tag == f"{_TAGS}float" and isinstance(value, int):
            return value
        self.fault(line, f"tag {_shown(tag)} does not fit here", "remove the tag")
        return None

    def _key(self, frame: _Frame, event: yaml.ScalarEvent, line: int) -> None:
        is_plain = event.tag is None and event.implicit[0]
        if is_plain and event.value == "<<":
            frame.key, frame.key_line = "<<", line
            frame.merges.append(_MERGE)
            return
        name = event.value
        if self._dialect is Dialect.KUBERNETES and is_plain:
            try:
                name = key(plain(event.value))
            except ValueError as error:
                self.fault(line, str(error), _QUOTE)
        elif event.tag not in {None, "!", f"{_TAGS}str"}:
            self.fault(line, f"tag {_shown(event.tag)} does not fit a key", "remove the tag")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(event.value, 1, 0)
        if name in frame.key_lines:
            self._again(name, line, frame.key_lines[name])
        frame.key, frame.key_line = name, line
        frame.key_lines[name] = line

    def _again(self, name: str, line: int, first: int) -> None:
        if self._repeated is Repeated.REFUSED:
            self.fault(line, f"key {_shown(name)} is given twice, first on line {first}", "keep one of the two")
        elif len(self.repeated) < _MOST_FAULTS:
            self.repeated.append(RepeatedKey(line, _shown(name), first))

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise self._stop(line, f"alias *{_shown(anchor)} has no anchor before it", "define it, or quote the text")
        known = self._anchors[anchor]
        if known is None:
            raise self._stop(line, f"alias *{_shown(anchor)} lies inside what it repeats", "write it out")
        self._count(line, size=known.size, height=known.height)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            raise self._stop(line, "an alias cannot be a key", "write the key out")
        self._put(known.value, line, size=known.size, height=known.height)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        self._count(line, size=1, height=1)
        frame = self._stack[-1] if self._stack else None
        mapping = isinstance(event, yaml.MappingStartEvent)
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            raise self._stop(line, "a mapping or list cannot be a key", "write a plain key; quote {{ templates }}")
        if event.tag not in {None, "!", f"{_TAGS}{'map' if mapping else 'seq'}"}:
            self.fault(line, f"tag {_shown(event.tag)} does not fit here", "remove the tag")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        path = self._path(frame)
        self._note(frame, path, line)
        self._stack.append(_Frame({} if mapping else [], path, line, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.merges:
            self._merge(frame)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(frame.container, frame.size, frame.height)
        self._attach(frame.container, size=frame.size, height=frame.height)

    def _put(self, value: Any, line: int, *, size: int, height: int) -> None:
        frame = self._stack[-1] if self._stack else None
        self._note(frame, self._path(frame), line)
        self._attach(value, size=size, height=height)

    def _attach(self, value: Any, *, size: int, height: int) -> None:
        if not self._stack:
            self.value = value
            return
        frame = self._stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.container, list):
            frame.container.append(value)
            return
        if frame.merges and frame.merges[-1] is _MERGE:
            frame.merges[-1] = value
        else:
            frame.container[frame.key] = value
        frame.key = None

    def _merge(self, frame: _Frame) -> None:
        """Lay the mappings of ``<<`` under the frame's own keys; of several the first wins."""
        parts = [part for value in frame.merges for part in (value if isinstance(value, list) else [value])]
        if not all(isinstance(part, dict) for part in parts):
            self.fault(frame.line, "<< takes a mapping or a list of mappings", "merge mappings only, or quote the key")
            return
        own = dict(frame.container)
        frame.container.clear()
        for part in reversed(parts):
            frame.container.update(part)
        frame.container.update(own)

    def _path(self, frame: _Frame | None) -> Path:
        if frame is None or not self._track:
            return ()
        step = len(frame.container) if isinstance(frame.container, list) else frame.key
        return (*frame.path, step if step is not None else "")

    def _note(self, frame: _Frame | None, path: Path, line: int) -> None:
        if self._track:
            of_key = frame is not None and isinstance(frame.container, dict)
            self.lines.setdefault(path, frame.key_line if of_key and frame is not None else line)


def _fits(tag: str, value: Any) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {"null": type(None), "bool": bool, "int": int, "float": float}
    kind = kinds.get(tag.removeprefix(_TAGS)) if tag.startswith(_TAGS) else None
    return kind is not None and isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _shown(text: str | None) -> str:
    """Return ``text`` fit for a message: short and printable."""
    return ascii((text or "")[:80])
