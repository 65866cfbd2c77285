"""Objects of a tool that other objects of it have applied: which those are, and what comes first in a hand-over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from console.importing.foreign import Foreign, Key

_MOST_NAMED = 10


class Nesting:
    """Who applies whom.

    Args:
        applied: pairs of an object and one that it applies.
    """

    def __init__(self, applied: Iterable[tuple[Foreign, Foreign]]) -> None:
        self._above: dict[Key, dict[Key, Foreign]] = defaultdict(dict)
        self._below: dict[Key, dict[Key, Foreign]] = defaultdict(dict)
        for parent, child in applied:
            if parent.identity != child.identity:
                self._above[child.identity][parent.identity] = parent
                self._below[parent.identity][child.identity] = child

    def parents_first(self, objects: Sequence[Foreign]) -> list[Foreign]:
        """Return the objects, each after all that apply it; else in their order."""
        known: dict[Key, Foreign] = {one.identity: one for one in objects}
        found: dict[Key, Foreign] = {}
        for one in objects:
            stack = [one.identity]
            entered: set[Key] = set()
            while stack:
                key = stack[-1]
                waits = [] if key in entered else [up for up in self._above.get(key, {}) if up not in entered]
                entered.add(key)
                if waits:
                    stack += waits
                    continue
                stack.pop()
                if key in known:
                    found.setdefault(key, known[key])
        return list(found.values())

    def with_parents(self, objects: Sequence[Foreign]) -> list[Foreign]:
        """Return those of the objects whose parents are all among them; why the others are not is said of them.

        A parent that goes on would put back what is changed on its children, and resume them.
        """
        left = list(objects)
        while True:
            keys = {one.identity for one in left}
            alone = [one for one in left if not self._above.get(one.identity, {}).keys() <= keys]
            if not alone:
                return left
            for one in alone:
                parent = next(up for key, up in self._above[one.identity].items() if key not in keys)
                what = f"{parent.kind} {parent.name} applies it, and is not handed over"
                one.say((), what, "mend that first; until then the hand-over leaves this out too")
            left = [one for one in left if one not in alone]

    def parents(self, objects: Iterable[Foreign]) -> list[Foreign]:
        """Return those of the objects that apply any."""
        return [one for one in objects if one.identity in self._below]

    def above(self, one: Foreign) -> list[Foreign]:
        """Return the objects that apply an object."""
        return list(self._above.get(one.identity, {}).values())

    def below(self, one: Foreign) -> list[Foreign]:
        """Return the objects that an object applies."""
        return list(self._below.get(one.identity, {}).values())

    def say(self, tool: str) -> None:
        """Note of each object which objects of its tool it applies, and of those why they are not safe without it."""
        parents: Mapping[Key, Foreign] = {key: one for above in self._above.values() for key, one in above.items()}
        for key, parent in parents.items():
            below = self._below[key]
            names = ", ".join(f"{one.kind} {one.name}" for one in islice(below.values(), _MOST_NAMED))
            more = f" and {len(below) - _MOST_NAMED} more" if len(below) > _MOST_NAMED else ""
            parent.say(
                (),
                f"what it applies holds objects of {tool} itself: {names}{more}",
                "suspend it before them, and take them out of its folder in Git before `mode: enforce`: Flotilla "
                f"would put back what is deleted of {tool}",
            )


def named(objects: Sequence[Foreign]) -> str:
    """Return objects as a sentence lists them."""
    return ", ".join(f"{one.kind} {one.namespace}/{one.name}" for one in objects)
