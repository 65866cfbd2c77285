"""What a chart's ``values.schema.json`` may refer to: itself, and the drafts that Helm's library carries along.

The library would read a file of the worker's (``file://``, and every relative path, from the root) or ask the network
for anything else, and say in its error what it found there.

Imported by the process that holds Helm's library too, and imports nothing of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

NAME = "values.schema.json"
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_DRAFT = re.compile(r"https?://json-schema\.org/(draft-0[467]/|draft/20(19-09|20-12)/)?schema#?")
_SHOWN = 200


def fault(text: bytes) -> str:
    """Return why a schema is not given to the library, or an empty text.

    What cannot be read here is not given either: the library might read it in another way.
    """
    try:
        value = json.loads(text.decode("utf-8-sig"))
        found = next(_foreign(value), None)
    except RecursionError:
        return "it is nested too deep"
    except ValueError as error:
        return f"it cannot be read: {str(error)[:_SHOWN]}"
    return (
        ""
        if found is None
        else f"it refers to {found[:_SHOWN]!r}, which is outside of it: write that into it, below $defs"
    )


def _foreign(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _foreign(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                refers = key == "$schema" or (key in _REFERENCES and not item.startswith("#"))
                if refers and _DRAFT.fullmatch(item) is None:
                    yield item
            else:
                yield from _foreign(item)
