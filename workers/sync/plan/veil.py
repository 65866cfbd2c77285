"""Which values of an object are not shown because of where they stand: under which name, after which flag.

What a value's own text gives away is ``common.domain.redact``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.domain.redact import MASK
from common.domain.secret_words import is_no_secret, only_names_a_secret, speaks_of_a_secret

_BEFORE = 3
"""Elements of a command line that say what the next one is."""
_USERS = ("-u", "--user", "--proxy-user")
"""Flags before ``name:password``."""
_OF_PROGRAMS = {"-p": ("-u", "sshpass"), "password": ("login",)}
"""Words that a password follows where one of others stands before them."""
_NAMES = ("name", "key")
"""Fields that call the ``value`` beside them."""


def hidden_field(key: str, *sides: Mapping[str, Any], hidden: bool) -> bool:
    """Return whether a field's value is not shown.

    Args:
        key: the field's name.
        sides: the object that holds it, as it is and as it would be.
        hidden: whether the object stands under a name that speaks of a secret.
    """
    if hidden:
        return not only_names_a_secret(key)
    if key == "value":
        names = (side.get(field) for side in sides for field in _NAMES)
        return any(isinstance(name, str) and speaks_of_a_secret(name) for name in names)
    return speaks_of_a_secret(key) and not all(_is_none(side[key]) for side in sides if key in side)


def hidden_element(index: int, elements: Sequence[Any]) -> bool:
    """Return whether an element of a list is not shown: it is what a flag before it gives, as a command line has it."""
    if not 0 < index < len(elements):
        return False
    before, value = elements[max(0, index - _BEFORE) : index], elements[index]
    flag = before[-1]
    if not isinstance(flag, str):
        return False
    if flag.startswith("-") and "=" not in flag and speaks_of_a_secret(flag.strip("-")):
        return True
    if flag in _USERS:
        return isinstance(value, str) and ":" in value
    return flag in _OF_PROGRAMS and any(word in before[:-1] for word in _OF_PROGRAMS[flag])


def veiled(value: Any, *, hidden: bool = False) -> Any:
    """Return a JSON value with a mask for each value that is not shown; ``hidden`` says that of all of it."""
    if isinstance(value, Mapping):
        return {key: veiled(one, hidden=hidden_field(key, value, hidden=hidden)) for key, one in value.items()}
    if isinstance(value, list):
        return [veiled(one, hidden=hidden or hidden_element(index, value)) for index, one in enumerate(value)]
    return MASK if hidden and not _is_none(value) else value


def _is_none(value: Any) -> bool:
    """Return whether this is no secret, whatever it is called: nothing, a switch, a reference."""
    return value is None or isinstance(value, bool) or (isinstance(value, str) and is_no_secret(value))
