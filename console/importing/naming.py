"""Names in the registry for objects of another tool: as near to theirs as may be, and no two alike."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from console.importing.words import name_of

_DIGITS = 8


def apart(wanted: Mapping[tuple[str, ...], Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Return a name for each object, which does not depend on the order in which they came.

    Those that would have one name get the first of their further ways of writing it by which all of them differ; those
    that still are not apart then, a digest of what they are.

    Args:
        wanted: by what an object is: the ways of writing its name, the best first. All have as many.
    """
    rivals: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for key, ways in wanted.items():
        rivals[ways[0]].append(key)
    chosen: dict[tuple[str, ...], str] = {}
    for keys in rivals.values():
        for names in zip(*(wanted[key] for key in keys), strict=True):
            if len(set(names)) == len(keys):
                chosen |= zip(keys, names, strict=True)
                break
        else:
            chosen |= {key: _marked(key, wanted[key][-1]) for key in keys}
    count = Counter(chosen.values())
    return {key: name if count[name] == 1 else _marked(key, name) for key, name in chosen.items()}


def _marked(key: tuple[str, ...], name: str) -> str:
    return name_of(name, ending=hashlib.sha256("\0".join(key).encode()).hexdigest()[:_DIGITS])
