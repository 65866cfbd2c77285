"""What can go wrong with an artifact, each with a code."""

from __future__ import annotations

from typing import ClassVar

from common.domain.errors import PermanentError, TransientError


class AddressRefusedError(PermanentError):
    """An address must not be asked: no https, credentials in it, or an odd form."""

    code: ClassVar[str] = "artifact.address-refused"


class ProxyRefusedError(PermanentError):
    """The proxy that the environment names is none."""

    code: ClassVar[str] = "artifact.proxy-refused"


class VersionRefusedError(PermanentError):
    """What a source follows is no tag, digest, version or range."""

    code: ClassVar[str] = "artifact.version-refused"


class ArtifactMissingError(PermanentError):
    """The server has no such repository or chart, or hides it from us."""

    code: ClassVar[str] = "artifact.missing"


class VersionMissingError(PermanentError):
    """The repository has no such tag, digest or version (any more)."""

    code: ClassVar[str] = "artifact.version-missing"


class ArtifactUnauthorisedError(PermanentError):
    """The server refused our credentials, or wants some."""

    code: ClassVar[str] = "artifact.unauthorised"


class AnswerRefusedError(PermanentError):
    """The server answered with something else than what such a server says."""

    code: ClassVar[str] = "artifact.malformed"


class DownloadTooLargeError(PermanentError):
    """The server sends more than is taken."""

    code: ClassVar[str] = "artifact.too-large"


class DigestMismatchError(PermanentError):
    """What came is not what the digest names."""

    code: ClassVar[str] = "artifact.digest-mismatch"


class MediaTypeRefusedError(PermanentError):
    """The artifact is of a kind that holds no manifests, or not in one archive."""

    code: ClassVar[str] = "artifact.media-type"


class ArchiveBrokenError(PermanentError):
    """The archive is not a gzip-compressed tar, or is damaged."""

    code: ClassVar[str] = "archive.broken"


class ArchiveBombError(PermanentError):
    """The archive holds more than is unpacked."""

    code: ClassVar[str] = "archive.too-large"


class ArchivePathError(PermanentError):
    """A path of the archive leads out of it, is given twice, or cannot be kept in Git."""

    code: ClassVar[str] = "archive.path"


class ArchiveEntryError(PermanentError):
    """The archive holds something that is neither file nor folder."""

    code: ClassVar[str] = "archive.entry"


class ArtifactUnreachableError(TransientError):
    """The server did not answer, or not now."""

    code: ClassVar[str] = "artifact.unreachable"


class ArtifactTimedOutError(TransientError):
    """The server answered too slowly."""

    code: ClassVar[str] = "artifact.timed-out"
