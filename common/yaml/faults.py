"""What is wrong with a text, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from common.domain.errors import PermanentError, sentences


@dataclass(frozen=True, slots=True)
class YamlFault:
    """One thing wrong; lines count from 1."""

    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {sentences(self.what, self.remedy)}"


class YamlError(PermanentError):
    """A text that cannot be loaded; ``faults`` holds everything found, at least one, by line."""

    code: ClassVar[str] = "yaml.invalid"

    def __init__(self, faults: Sequence[YamlFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        first = self.faults[0]
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        super().__init__(f"line {first.line}: {first.what}{more}", remedy=first.remedy)
