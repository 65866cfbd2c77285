"""Why a program was not started."""

from __future__ import annotations

from typing import ClassVar

from common.domain.errors import TransientError


class SandboxMissingError(TransientError):
    """The machine cannot confine a program, and nothing is run unconfined; another machine may do it."""

    code: ClassVar[str] = "sandbox.missing"


class NotStartedError(TransientError):
    """A program cannot be started here."""

    code: ClassVar[str] = "sandbox.not-started"
