"""What can be wrong with an application's files, each with a code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from common.domain.errors import MESSAGE_LIMIT, FlotillaError, PermanentError, TransientError, sentences

_SHOWN = 20


class RenderError(PermanentError):
    """The files cannot be turned into manifests; every fault found is in the message."""

    code: ClassVar[str] = "render.invalid"

    def __init__(self, faults: Sequence[str], *, remedy: str = "") -> None:
        more = f" (and {len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else ""
        super().__init__(sentences(*faults[:_SHOWN]) + more, remedy=remedy or "Correct the files and commit.")


class EmptyRenderError(PermanentError):
    """Nothing came out: never taken for "delete everything"."""

    code: ClassVar[str] = "render.empty"


class ManifestTooLargeError(PermanentError):
    """A manifest, or all of them together, exceeds the bounds."""

    code: ClassVar[str] = "render.too-large"


class RemoteRefusedError(PermanentError):
    """A file names something outside the repository."""

    code: ClassVar[str] = "render.remote"


class EscapeRefusedError(PermanentError):
    """A file names a path outside the tree, or outside the folder that may name it."""

    code: ClassVar[str] = "render.escape"


class CycleError(PermanentError):
    """Kustomizations that build on each other in a circle."""

    code: ClassVar[str] = "render.cycle"


class PluginRefusedError(PermanentError):
    """A file asks for something that runs code or is not carried out here."""

    code: ClassVar[str] = "render.plugin"


class RendererMissingError(PermanentError):
    """The tool that renders this is not on this worker."""

    code: ClassVar[str] = "render.tool-missing"


class UndefinedVariableError(PermanentError):
    """A ``${name}`` without a value."""

    code: ClassVar[str] = "render.undefined-variable"


class ToolFailedError(PermanentError):
    """The renderer's tool refused the files.

    Args:
        message: what failed.
        said: the tool's own words, which may have been cut on either side; empty for none.
        remedy: as everywhere.

    Attributes:
        failed: ``message``, cut and stripped of secrets as every message.
        said: the words, alike.
    """

    code: ClassVar[str] = "render.tool-failed"

    def __init__(self, message: str, *, said: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.failed = self.message
        self.said = FlotillaError(said).message
        self.tell()

    def tell(self) -> None:
        """Put the message together again, of what failed and of the words."""
        self.args = (f"{self.failed}: {self.said}"[:MESSAGE_LIMIT] if self.said else self.failed,)


class ToolBoundsError(PermanentError):
    """The renderer's tool exceeded its processor time, its memory or its output."""

    code: ClassVar[str] = "render.bounds"


class ToolKilledError(TransientError):
    """The renderer's tool was killed from outside."""

    code: ClassVar[str] = "render.killed"


class ToolLateError(TransientError):
    """The renderer's tool did not end in time, with processor time left: the worker is busy, or it waits."""

    code: ClassVar[str] = "render.late"


class ToolBusyError(TransientError):
    """Other applications of the project hold all that it may render at once."""

    code: ClassVar[str] = "render.busy"


class DependencyMissingError(PermanentError):
    """A chart needs another chart that is not there."""

    code: ClassVar[str] = "render.dependency-missing"


class ChangingError(PermanentError):
    """The same files gave something else the second time."""

    code: ClassVar[str] = "render.changing"


class ClusterTooOldError(PermanentError):
    """A chart does not want a cluster of this version."""

    code: ClassVar[str] = "render.kube-version"


class LookupRefusedError(PermanentError):
    """A template asks the cluster, which is not done here."""

    code: ClassVar[str] = "render.lookup"


class DecryptError(PermanentError):
    """An encrypted file cannot be opened, or was altered."""

    code: ClassVar[str] = "render.decrypt"
