"""What may stand between two slashes of an API server's path, by the grammar that API servers hold to. Pure.

Manifests, definitions of kinds and the discovery of a cluster are all written by others: a text that is not what it is
taken for could lead a request to another object.
"""

from __future__ import annotations

import re

_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_IS_LABEL = re.compile(_LABEL)
_IS_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_IS_KIND = re.compile(r"[A-Za-z](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_IS_NAME = re.compile(r"[^/%\s\x00-\x1f\x7f]{1,253}")
_LONGEST = 253


def is_group(text: str) -> bool:
    """Tell whether a text is an API group; the core group is empty."""
    return not text or (len(text) <= _LONGEST and _IS_SUBDOMAIN.fullmatch(text) is not None)


def is_label(text: str) -> bool:
    """Tell whether a text is a version, a namespace, or the plural name of a kind."""
    return _IS_LABEL.fullmatch(text) is not None


def is_kind(text: str) -> bool:
    """Tell whether a text is a kind's name."""
    return _IS_KIND.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Tell whether a text is an object's name, as the kind with the fewest rules for it takes one."""
    return _IS_NAME.fullmatch(text) is not None and text not in {".", ".."}
