"""How ``${name}`` in an application's manifests is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Undefined(StrEnum):
    """What becomes of a variable that has neither a value nor a default."""

    FAULT = "fault"
    EMPTY = "empty"
    """Nothing stands in its place, as with Flux."""


class SubstitutionScope(StrEnum):
    """Where variables are looked for, and what comes of a value."""

    TEXTS = "texts"
    """In texts, never in keys; what is a text among the values stays one."""
    YAML = "yaml"
    """As if in the written YAML, as with Flux: in keys too, and what comes out is read again, so that the text ``3`` is
    a number."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """How an application's variables are filled in."""

    undefined: Undefined = Undefined.FAULT
    scope: SubstitutionScope = SubstitutionScope.TEXTS

    def as_json(self) -> Any:
        """Return it for a digest: ``True`` for the usual way, which had no other form once."""
        return True if self == Substitution() else {"undefined": self.undefined.value, "scope": self.scope.value}
