"""What can be wrong with an operator's command, each with a code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from common.domain.errors import PermanentError, sentences


class CommandRefusedError(PermanentError):
    """The registry names a command that the operator of this worker does not allow."""

    code: ClassVar[str] = "render.command-refused"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        others = ", ".join(known)
        allowed = f"allowed: {others}" if others else "none is"
        super().__init__(
            f"render.command: {name[:80]!r} is not allowed on this worker ({allowed})",
            remedy="Operators allow it in the file that FLOTILLA_RENDER_COMMANDS names, on all workers of the pool.",
        )


class CommandsInvalidError(PermanentError):
    """The file of the operator's commands cannot be used."""

    code: ClassVar[str] = "render.commands-invalid"

    def __init__(self, file: Path, faults: Iterable[str]) -> None:
        super().__init__(
            f"{file}, which FLOTILLA_RENDER_COMMANDS names, cannot be used: {sentences(*faults)}",
            remedy="The operator of this worker corrects it.",
        )
