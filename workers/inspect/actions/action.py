"""One thing that can be done to an object: fields, and what they get. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
NOW = "now"
"""In place of a value: the instant at which it is done."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to an object as it is now.

    Attributes:
        name: as people ask for it.
        fields: what each field gets; ``NOW`` is when it is done.
        subresource: that is written to; empty for the object itself.
    """

    name: str
    fields: Mapping[Path, Any]
    subresource: str = ""

    def patch(self, instant: str) -> dict[str, Any]:
        """Return it as a JSON merge patch (RFC 7396).

        Args:
            instant: when it is done, as the cluster writes instants.
        """
        body: dict[str, Any] = {}
        for path, value in self.fields.items():
            at = body
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at[path[-1]] = instant if value is NOW else value
        return body


Offers = Callable[[Mapping[str, Any]], Iterable[Action]]
"""From a live object to what can be done to it now."""
