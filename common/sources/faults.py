"""What can go wrong with a repository, each with a code, and how git's words are told apart."""

from __future__ import annotations

import re
from typing import ClassVar

from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.redact import redacted, tail

_TEXT_LIMIT = 400


class UrlRefusedError(PermanentError):
    """The repository's URL must not be given to git."""

    code: ClassVar[str] = "git.url-refused"


class RefRefusedError(PermanentError):
    """The ref must not be given to git."""

    code: ClassVar[str] = "git.ref-refused"


class RefMissingError(PermanentError):
    """The branch, tag or commit is not in the repository (any more)."""

    code: ClassVar[str] = "git.ref-missing"


class RefNotTakenError(PermanentError):
    """The server has the branch or tag, and git refused to take it without ending in an error."""

    code: ClassVar[str] = "git.ref-not-taken"


class EmptyRepositoryError(PermanentError):
    """The repository has no branch yet."""

    code: ClassVar[str] = "git.empty-repository"


class UnauthorisedError(PermanentError):
    """The server refused our credentials, or wants some."""

    code: ClassVar[str] = "git.unauthorised"


class RepositoryMissingError(PermanentError):
    """The server has no such repository, or hides it from us."""

    code: ClassVar[str] = "git.repository-missing"


class RedirectRefusedError(PermanentError):
    """The server sent us elsewhere, where our credentials must not go."""

    code: ClassVar[str] = "git.redirected"


class CertificateError(PermanentError):
    """The server's certificate is not trusted: by its authority, its dates or its name."""

    code: ClassVar[str] = "source.certificate"


class HostKeyError(PermanentError):
    """The ssh server is not the one that known_hosts names."""

    code: ClassVar[str] = "git.host-key"


class RepositoryTooLargeError(PermanentError):
    """The mirror would outgrow its bound."""

    code: ClassVar[str] = "git.repository-too-large"


class BadObjectsError(PermanentError):
    """The server sent objects that git's own check refuses."""

    code: ClassVar[str] = "git.bad-objects"


class UnreachableError(TransientError):
    """The server did not answer, or not as a Git server does."""

    code: ClassVar[str] = "git.unreachable"


class TimedOutError(TransientError):
    """The server answered too slowly."""

    code: ClassVar[str] = "git.timed-out"


class MirrorCorruptError(TransientError):
    """The local mirror is damaged; the next fetch builds it again."""

    code: ClassVar[str] = "git.mirror-corrupt"


class GitFailedError(TransientError):
    """Git failed in a way that has no name here."""

    code: ClassVar[str] = "git.failed"


class PathMissingError(PermanentError):
    """The tree has no such path."""

    code: ClassVar[str] = "source.path-missing"


class SymlinkRefusedError(PermanentError):
    """A path leads through a symbolic link."""

    code: ClassVar[str] = "source.symlink"


class SubmoduleRefusedError(PermanentError):
    """A path leads into a submodule, whose content is in another repository."""

    code: ClassVar[str] = "source.submodule"


class FileTooLargeError(PermanentError):
    """A file, or all of them together, exceeds the bounds."""

    code: ClassVar[str] = "source.too-large"


class LfsPointerError(PermanentError):
    """A file's content is in Git LFS, of which the repository holds the pointer only."""

    code: ClassVar[str] = "source.lfs"


_RETRY = "It is tried again; see that the server is up and reachable from this worker."
_WORDS: tuple[tuple[str, type[FlotillaError], str, str], ...] = (
    (
        r"host key verification failed|no .* host key is known|remote host identification has changed",
        HostKeyError,
        "the ssh server's key is not the one in known_hosts",
        "Put the server's key into known_hosts of the credentials, after checking it.",
    ),
    (
        r"certificate verification failed|ssl certificate problem|certificate subject name|no alternative certificate"
        r"|certificate (has expired|expiration)|self[- ]signed certificate|peer's certificate|not signed by known",
        CertificateError,
        "the server's certificate is not trusted",
        "Store its authority's certificate as ca.crt under the source's credentials reference, renew it, or use the "
        "host name that it is for.",
    ),
    (
        r"unable to update url base|returned error: 30[1278]",
        RedirectRefusedError,
        "the server redirects elsewhere, which is not followed",
        "Write the repository's present URL into the registry.",
    ),
    (
        r"authentication failed|could not read (username|password)|permission denied|returned error: 40[13]"
        r"|access denied|invalid credentials|terminal prompts disabled|too many authentication failures",
        UnauthorisedError,
        "the server refused the credentials, or wants some",
        "Check the credentials reference of the source, and what that account may read.",
    ),
    (
        r"repository .*not found|returned error: 404|does not appear to be a git repository"
        r"|project you were looking for could not be found",
        RepositoryMissingError,
        "the server has no such repository, or hides it from this account",
        "Check the URL, and what the account may read.",
    ),
    (
        r"operation timed out|operation too slow|timed out|less than \d+ bytes",
        TimedOutError,
        "the server answered too slowly",
        _RETRY,
    ),
    (
        r"file too large|no space left",
        GitFailedError,
        "the mirror could not be written",
        "Make room on the worker's disk.",
    ),
    (
        r"fsck error|in fsck|error: object .*: (badtree|missing|nul|zero|bad)",
        BadObjectsError,
        "the repository holds an object that could harm whoever reads it",
        "Have its author take it out of the history; or publish the manifests where it is not: in a repository of "
        "their own, or as an OCI artifact.",
    ),
    (
        r"object file .* is empty|loose object .* corrupt|packfile .*(corrupt|cannot be accessed|not match)"
        r"|not a git repository|index file .*(too small|corrupt|wrong)|bad object|pack has bad object"
        r"|unable to read (tree|sha1|[0-9a-f]{40})|inflate: |missing (blob|tree|commit)|bad tree object"
        r"|unresolved deltas|not a valid object|did not send all necessary objects|unparsable head|bad config"
        r"|invalid sha1 pointer|failed to (read|parse) (object|commit)",
        MirrorCorruptError,
        "the mirror on this worker is damaged",
        "It is rebuilt with the next fetch.",
    ),
    (
        r"could not resolve|couldn't connect|failed to connect|connection (refused|reset|closed|timed out)"
        r"|network is unreachable|no route to host|empty reply|early eof|remote end hung up|returned error: (5|429)"
        r"|ssl|tls|certificate|server closed|not valid: is this a git repository|recv failure|send failure"
        r"|unexpected disconnect|gnutls|unable to access|invalid index-pack output|protocol error",
        UnreachableError,
        "the server did not answer as a Git server does",
        _RETRY,
    ),
)

_NO_SUCH = re.compile(
    r"not our ref|no such remote ref|couldn't find remote ref|unadvertised object|want \w+ not valid", re.IGNORECASE
)
"""Git's words for an object that a server does not have, or does not give; JGit's are the last."""


def gives_no_such(stderr: str) -> bool:
    """Return whether git said that the server gives no object of the name that was asked for."""
    return _NO_SUCH.search(tail(stderr)) is not None


def fault_of(stderr: str, *, url: str) -> FlotillaError:
    """Return the fault that git's words mean.

    Args:
        stderr: what git said, in English (``LC_ALL=C``).
        url: of the repository; holds no credentials. Its own words are not taken for git's.
    """
    what = url
    stderr = tail(stderr).replace(url, "the repository")
    words = " ".join(redacted(stderr).split())[-_TEXT_LIMIT:]
    for pattern, kind, meaning, remedy in _WORDS:
        if re.search(pattern, stderr, re.IGNORECASE):
            return kind(f"{what}: {meaning} (git: {words})", remedy=remedy)
    return GitFailedError(f"{what}: git failed (git: {words})", remedy=_RETRY)
