"""Signals: what an object says that decides its health at once. Written as text in the tables, read once at start.

A condition is named by its type. It is meant to be True unless something else stands there::

    Degraded                        the condition is True
    Ready=False                     the condition is False; ``|`` stands between several, ``*`` for any
    Ready=False Expired|Denied      it is False for one of these reasons
    Ready=False not Pending         it is False for any other reason
    *=False                         some condition is False, whichever it is

A field begins with a dot; a name that holds dots is quoted, ``.metadata.labels."example.com/state"``::

    .spec.suspend                   there, and neither false, zero nor empty
    not .status.uid                 absent, false, zero or empty
    .status.state=Failed|Error      one of these words; true, false and whole numbers count as words too
    .status.ready < .spec.replicas  fewer; a list counts as its length, what is absent as 0, or 1 with ``or 1``
    .status.new < .spec.all - .spec.kept  fewer than a difference
    .status.ready short             a text such as 1/3, whose first number is the smaller
    .status.now != .status.wanted   both are words, and differ
    in .status.racks .ready < .all  some entry of a list, or some value of a mapping, says so of itself

``and`` stands between signals that all are given: ``Ready and not .status.uid``.

A condition that speaks of an older generation of the object says that the last change was not seen, whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.domain.foreign import foreign
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
from workers.sync.health.reading import Condition, Manifest, by_type, items, number, section

Path = tuple[str, ...]
UNSEEN = Reason(HealthReason.UNSEEN)
NO_STATUS = Reason(HealthReason.NO_STATUS)
_ANY = "*"
_STEP = re.compile(r'\.(?:"([^"]+)"|([A-Za-z0-9_-]+))')
_FRACTION = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_CAMEL = re.compile(r"[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class View:
    """What signals are asked of: an object, or an entry of a list within one.

    Attributes:
        root: the object or the entry.
        said: its conditions by type.
        generation: of the object.
        message: what the object tells about its state besides, if anything.
        entries: the views of entries that were asked for, since several signals ask for the same.
    """

    root: Manifest
    said: Mapping[str, Condition] = field(default_factory=dict)
    generation: int = 0
    message: str = ""
    entries: dict[Path, list[View]] = field(default_factory=dict, compare=False)

    def within(self, path: Path) -> list[View]:
        """Return the views of the mappings in a list of this one, or among the values of a mapping.

        Conditions of an entry are its own, and so is its message if it has one.
        """
        if path not in self.entries:
            found = at(self.root, path)
            inside = found.values() if isinstance(found, Mapping) else found if isinstance(found, list) else ()
            self.entries[path] = [self._of_entry(each) for each in inside if isinstance(each, Mapping)]
        return self.entries[path]

    def _of_entry(self, entry: Manifest) -> View:
        told = entry.get("message")
        message = told if isinstance(told, str) else self.message
        return View(entry, by_type(items(entry, "conditions")), self.generation, message)


class Signal(Protocol):
    """One thing that an object may say."""

    def heard(self, view: View) -> Reason | None:
        """Return why, in the object's words, where the object says it; None where it does not."""


@dataclass(frozen=True, slots=True)
class ConditionSignal:
    """A condition has one of some statuses, and one of some reasons or none of them."""

    type: str
    statuses: frozenset[str]
    reasons: frozenset[str]
    excluded: bool

    def heard(self, view: View) -> Reason | None:
        """Return what the condition says; of several the first in the object."""
        asked = view.said.values() if self.type == _ANY else [view.said[self.type]] if self.type in view.said else []
        said = next((condition for condition in asked if self._fits(condition)), None)
        if said is None:
            return None
        return UNSEEN if old(said, view) else said.why

    def _fits(self, condition: Condition) -> bool:
        if self.statuses and condition.status not in self.statuses:
            return False
        return not self.reasons or (condition.reason in self.reasons) is not self.excluded


@dataclass(frozen=True, slots=True)
class FieldSignal:
    """A field is set, is not set, or holds one of some words."""

    path: Path
    words: frozenset[str]
    absent: bool

    def heard(self, view: View) -> Reason | None:
        """Return what stands in the field, with the object's message."""
        found = at(view.root, self.path)
        if self.absent:
            return None if found else NO_STATUS
        said = word(found)
        if self.words:
            return foreign(HealthReason.PHASE, phase=said, message=view.message) if said in self.words else None
        if not found:
            return None
        if found is True and self.path[0] == "spec":
            return Reason(HealthReason.SUSPENDED)
        if found is True or not said:
            return foreign(HealthReason.PHASE, phase=self.path[-1], message=view.message)
        return foreign(HealthReason.PHASE, phase=said, message=view.message)


@dataclass(frozen=True, slots=True)
class CountSignal:
    """A number is less than another, or than what is left of another."""

    count: Path
    wanted: Path
    less: Path
    default: int

    def heard(self, view: View) -> Reason | None:
        """Return how many there are, and how many there should be."""
        count, wanted = _number(view.root, self.count, 0), _number(view.root, self.wanted, self.default)
        if self.less:
            wanted -= _number(view.root, self.less, 0)
        return None if count >= wanted else _few(count, wanted, self.count[-1])


@dataclass(frozen=True, slots=True)
class FractionSignal:
    """A text gives two numbers, and the first is less."""

    path: Path

    def heard(self, view: View) -> Reason | None:
        """Return how many there are, and how many there should be."""
        match = _FRACTION.fullmatch(word(at(view.root, self.path)))
        if match is None or int(match[1]) >= int(match[2]):
            return None
        return _few(int(match[1]), int(match[2]), "readyReplicas")


@dataclass(frozen=True, slots=True)
class DifferenceSignal:
    """Two fields hold different words."""

    now: Path
    wanted: Path

    def heard(self, view: View) -> Reason | None:
        """Return the word that is not as wanted."""
        now, wanted = word(at(view.root, self.now)), word(at(view.root, self.wanted))
        return (
            foreign(HealthReason.PHASE, phase=now, message=view.message) if now and wanted and now != wanted else None
        )


@dataclass(frozen=True, slots=True)
class AllSignal:
    """Several signals are given at once."""

    signals: tuple[Signal, ...]

    def heard(self, view: View) -> Reason | None:
        """Return what the first of them says."""
        heard = [signal.heard(view) for signal in self.signals]
        return heard[0] if all(why is not None for why in heard) else None


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """Some entry of a list, or some value of a mapping, says something."""

    path: Path
    of_entry: Signal

    def heard(self, view: View) -> Reason | None:
        """Return what the first entry says that says it."""
        heard = (self.of_entry.heard(entry) for entry in view.within(self.path))
        return next((why for why in heard if why is not None), None)


def old(condition: Condition, view: View) -> bool:
    """Tell whether a condition speaks of an older generation of the object."""
    return condition.seen is not None and condition.seen < view.generation


def read_signal(text: str) -> Signal:
    """Return the signal that a text of the tables means.

    Raises:
        ValueError: it means none.
    """
    if " and " in text:
        return AllSignal(tuple(map(read_signal, text.split(" and "))))
    if text.startswith("in "):
        path, _, rest = text.removeprefix("in ").partition(" ")
        return EntrySignal(read_path(path), read_signal(rest))
    return _read_field(text) if text.startswith((".", "not .")) else _read_condition(text)


def _read_condition(text: str) -> ConditionSignal:
    head, _, reasons = text.partition(" ")
    name, _, statuses = head.partition("=")
    listed = frozenset(reasons.removeprefix("not ").split("|")) if reasons else frozenset[str]()
    wanted = frozenset[str]() if statuses == _ANY else frozenset((statuses or "True").split("|"))
    return ConditionSignal(name, wanted, listed, reasons.startswith("not "))


def _read_field(text: str) -> Signal:
    if " < " in text:
        count, _, rest = text.partition(" < ")
        rest, _, default = rest.partition(" or ")
        wanted, _, less = rest.partition(" - ")
        return CountSignal(read_path(count), read_path(wanted), read_path(less) if less else (), int(default or 0))
    if " != " in text:
        now, _, wanted = text.partition(" != ")
        return DifferenceSignal(read_path(now), read_path(wanted))
    if text.endswith(" short"):
        return FractionSignal(read_path(text.removesuffix(" short")))
    path, _, words = text.removeprefix("not ").partition("=")
    return FieldSignal(read_path(path), frozenset(words.split("|") if words else ()), text.startswith("not "))


def read_path(text: str) -> Path:
    """Return the names of the way to a field.

    Raises:
        ValueError: it does not begin with a dot, or holds something else than names and quoted names.
    """
    found = [(match.end(), match[1] or match[2]) for match in _STEP.finditer(text)]
    if not found or "".join(match[0] for match in _STEP.finditer(text)) != text:
        message = f"not the way to a field: {text!r}"
        raise ValueError(message)
    return tuple(name for _, name in found)


def at(root: Manifest, path: Path) -> Any:
    """Return what stands in a field; None where there is none."""
    found = root
    for name in path[:-1]:
        found = section(found, name)
    return found.get(path[-1])


def word(found: Any) -> str:
    """Return a text as it is, ``true``, ``false`` or a whole number as a word; empty for everything else."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int):
        return str(found) if abs(found) < 2**63 else ""
    return found if isinstance(found, str) else ""


def _number(root: Manifest, path: Path, default: int) -> int:
    found = at(root, path)
    return len(found) if isinstance(found, list) else number({"": found}, "", default)


def _few(count: int, wanted: int, name: str) -> Reason:
    """Return a reason in the words of a field's name: ``updatedReplicas`` are replicas that are updated."""
    *states, of = [each.lower() for each in _CAMEL.findall(name)]
    state = " ".join(states) or "there"
    return Reason(HealthReason.REPLICAS, {"count": count, "wanted": wanted, "of": of, "state": state})
