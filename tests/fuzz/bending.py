"""Bends inputs: by bytes, by words of their format, and by what readers trip over: length, depth, repetition.

JSON may be bent by its values besides, so that it stays JSON and what reads its values is reached.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

_ODD = (
    *(b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b" ", b"-", b"--", b"~", b"*", b"&", b"%", b"@"),
    *(b"\\", b"'", b'"', b"`", b"$", b"${x}", b"{{", b"}}", b"../", b"/", b"//", b":", b": ", b"://", b"#", b"|", b"!"),
    *(b"0", b"-1", b"1e999", b"1e-999", b"9" * 400, b"0x" + b"f" * 40, b"2147483648", b"18446744073709551616", b"1_0"),
    *(
        b".inf",
        b".nan",
        b"NaN",
        b"null",
        b"true",
        b"no",
        b"999999999d",
        b"2026-02-30T25:61:61Z",
        b"P1Y",
        b"1.2.3-" * 50,
    ),
    *(
        b"xn--",
        b"xn--a",
        b"xn--" + b"9" * 80,
        "ß.example".encode(),
        "é\u202e\ufeff\U0001f600".encode(),
        b"\xed\xa0\x80",
    ),
    *(
        b"\\ud800",
        b"\\u0000",
        b"a" * 300,
        b"a." * 200,
        b"1." * 200,
        b"password=hunter2",
        b"https://u:p@h/",
        b"[::1%eth0]",
    ),
)
_OPENING = (b"[", b"{", b"(", b'{"a":', b"- ", b"a: {", b'["', b"<a>", b"&a [", b"? ", b"{{", b"${")
_LENGTHS = (10, 100, 1_000, 10_000, 100_000)
_MOST_BENDS = 6


Bender = Callable[..., bytes]
"""Makes an input as ``bent`` does."""


def bent(seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random, *, largest: int) -> bytes:
    """Return one of ``seeds`` after a few changes, at most ``largest`` bytes.

    Args:
        seeds: inputs in order.
        words: what their format is made of.
        chance: decides.
        largest: bytes of the result.
    """
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, _MOST_BENDS)):
        chance.choice(_BENDS)(data, [*words, *_ODD], seeds, chance)
        del data[largest:]
    return bytes(data)


Bend = Callable[[bytearray, Sequence[bytes], Sequence[bytes], random.Random], None]


def _place(data: bytearray, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _part(data: bytearray, chance: random.Random) -> slice:
    start = _place(data, chance)
    return slice(start, start + chance.choice((1, 2, 4, 16, 64, 256)))


def _flip(data: bytearray, _words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _take_out(data: bytearray, _words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    del data[_part(data, chance)]


def _put_in(data: bytearray, words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    at = _place(data, chance)
    data[at:at] = chance.choice(words)


def _replace(data: bytearray, words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    data[_part(data, chance)] = chance.choice(words)


def _replace_value(data: bytearray, words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    """Replace what stands between two signs: a whole name or value."""
    signs = [at for at, byte in enumerate(data[:20_000]) if byte in b" \n:=,\"'{}[]()/"]
    if len(signs) > 1:
        at = chance.randrange(len(signs) - 1)
        data[signs[at] + 1 : signs[at + 1]] = chance.choice(words)


def _lengthen(data: bytearray, words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    """Repeat a part, or a word, until it is long."""
    part = _part(data, chance)
    what = bytes(data[part]) if chance.random() < 0.5 else chance.choice(words)
    data[part] = what * (chance.choice(_LENGTHS) // max(len(what), 1))


def _deepen(data: bytearray, words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    """Open, and open, and open."""
    opening = chance.choice((*_OPENING, *words[:8]))
    at = _place(data, chance)
    data[at:at] = opening * (chance.choice(_LENGTHS) // max(len(opening), 1))


def _splice(data: bytearray, _words: Sequence[bytes], seeds: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(seeds)
    start = chance.randint(0, len(other))
    data[_part(data, chance)] = other[start : start + chance.choice((16, 64, 256, 4_096))]


def _double(data: bytearray, _words: Sequence[bytes], _seeds: Sequence[bytes], chance: random.Random) -> None:
    """Say a line twice or many times."""
    lines = bytes(data).split(b"\n")
    at = chance.randrange(len(lines))
    most = _LENGTHS[-1] // max(len(lines[at]), 1)
    lines[at:at] = [lines[at]] * min(chance.choice((1, 2, 100, 1_000)), most)
    data[:] = b"\n".join(lines)


_BENDS: tuple[Bend, ...] = (
    *(_flip, _take_out, _put_in, _put_in, _replace, _replace_value, _replace_value),
    *(_lengthen, _lengthen, _deepen, _splice, _double),
)


Place = tuple[Any, Any]
"""A mapping or list, and a key or index in it."""
_SCALARS = (
    None,
    True,
    False,
    0,
    -1,
    1e300,
    2**63,
    2**53,
    "",
    "a",
    "\0",
    "a" * 300,
    "a." * 200,
    "9" * 400,
    "-",
    "../x",
    "~1",
)
_COMPOUND: tuple[Any, ...] = ([], {}, [[]], {"": {}}, {"name": "a"}, [None], [{}], {"a": [1]})
_BYTES_OF_JSON = 0.3
"""How often JSON is bent as bytes all the same."""
_MOST_PLACES = 5_000
"""Of a tree that is bent once more."""


def bent_json(seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random, *, largest: int) -> bytes:
    """Return one of ``seeds``, all of them JSON, after a few changes of its values; see ``bent``."""
    if chance.random() < _BYTES_OF_JSON:
        return bent(seeds, words, chance, largest=largest)
    tree = [json.loads(chance.choice(seeds))]
    others = [json.loads(seed) for seed in seeds]
    for _ in range(chance.randint(1, _MOST_BENDS)):
        places = list(islice(_places(tree), _MOST_PLACES))
        if len(places) == _MOST_PLACES:
            break
        _change(chance.choice(places), chance.choice(places), [*words, *_ODD], others, chance)
    return json.dumps(tree[0], separators=(",", ":")).encode()[:largest]


def _places(tree: Any) -> Iterator[Place]:
    """Yield every place of a tree, outermost first."""
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])


def _change(place: Place, other: Place, words: Sequence[bytes], seeds: Sequence[Any], chance: random.Random) -> None:
    holder, key = place
    word = chance.choice(words).decode(errors="replace").strip()
    match chance.randrange(8):
        case 0:
            holder[key] = copy.deepcopy(chance.choice((*_SCALARS, *_COMPOUND)))
        case 1:
            holder[key] = word
        case 2 if isinstance(holder, dict):
            holder[word.strip('"{}[]:, ').replace('\\"', '"')] = holder.pop(key)
        case 3 if isinstance(holder, dict):
            del holder[key]
        case 4:
            holder[key] = copy.deepcopy(other[0][other[1]])
        case 5:
            holder[key] = [copy.deepcopy(holder[key]) for _ in range(chance.choice((1, 2, 100)))]
        case 6:
            for _ in range(chance.choice((1, 5, 40, 120))):
                holder[key] = chance.choice(({str(key): holder[key]}, [holder[key]]))
        case _:
            spot, at = chance.choice(list(_places([copy.deepcopy(chance.choice(seeds))])))
            holder[key] = spot[at]
