"""Which repository URLs and refs may be given to git. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from common.sources.faults import RefRefusedError, UrlRefusedError

_SCP = re.compile(r"(?P<user>[A-Za-z0-9._][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:\s\\]+)")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_USER = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_UNFIT = re.compile(r"[\x00-\x20\x7f\\%?#\"'`$;|&<>(){}\[\]*!^]")
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REF = re.compile(r"refs/(heads|tags)/[^\x00-\x20\x7f~^:?*\[\\]+")
_BAD_REF = re.compile(r"\.\.|@\{|//|/\.|[/.]$|\.lock(/|$)|/-")
_LONGEST_URL = 2_000
_LONGEST_REF = 250


class Transport(StrEnum):
    """How a repository is reached."""

    HTTPS = "https"
    HTTP = "http"
    """Loopback only, by a setting."""
    SSH = "ssh"


class PlainHttp(StrEnum):
    """Whether plain http is allowed."""

    REFUSED = "refused"
    LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class GitUrl:
    """A checked URL.

    Attributes:
        text: as written; holds no password.
        transport: how it is reached.
        host: name or address, without brackets.
        origin: ``https://host:port/``, which credentials are bound to; empty for ssh.
    """

    text: str
    transport: Transport
    host: str
    origin: str

    def __str__(self) -> str:
        return self.text


def checked_url(text: str, *, plain_http: PlainHttp = PlainHttp.REFUSED) -> GitUrl:
    """Return ``text`` as a URL that git may have.

    Raises:
        UrlRefusedError: another transport (``ext::``, ``file://``, a path), credentials in it, or an odd form.
    """
    if not 0 < len(text) <= _LONGEST_URL or text.startswith("-") or _HELPER.match(text):
        raise _refused(text, "git would read it as an option or as a command")
    if _BLANK.search(text):  # urlsplit would drop line breaks in silence
        raise _refused(text, "it holds blanks or control characters")
    return _scp(text) or _url(text, plain_http)


def _scp(text: str) -> GitUrl | None:
    match = _SCP.fullmatch(text)
    if match is None:
        return None
    if match["path"].startswith("-") or _UNFIT.search(match["path"]):
        raise _refused(text, "its path is not plain")
    return GitUrl(text, Transport.SSH, match["host"], "")


def _url(text: str, plain_http: PlainHttp) -> GitUrl:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _refused(text, "it is not a URL") from error
    if parts.scheme not in set(Transport):
        raise _refused(text, "only https and ssh are allowed")
    transport = Transport(parts.scheme)
    host = parts.hostname or ""
    _check_parts(text, parts, transport)
    if transport is Transport.HTTP and (plain_http is PlainHttp.REFUSED or not is_loopback(host)):
        raise _refused(text, "plain http would show what is sent")
    shown = f"[{host}]" if ":" in host else host
    origin = "" if transport is Transport.SSH else f"{transport}://{shown}{f':{port}' if port else ''}/"
    return GitUrl(text, transport, host, origin)


def _check_parts(text: str, parts: SplitResult, transport: Transport) -> None:
    if parts.password is not None or (parts.username is not None and transport is not Transport.SSH):
        raise _refused(text, "it holds credentials")
    if parts.username is not None and _USER.fullmatch(parts.username) is None:
        raise _refused(text, "its user name is not plain")
    if _HOST.fullmatch(parts.hostname or "") is None or parts.query or parts.fragment:
        raise _refused(text, "its host is not plain, or it has a query or fragment")
    segments = parts.path.split("/")
    if not parts.path.strip("/") or "/-" in parts.path or ".." in segments or _UNFIT.search(parts.path):
        raise _refused(text, "its path is empty or not plain")


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine by its very name, without asking a resolver."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_ref(text: str) -> str:
    """Return ``text`` if it is ``refs/heads/…``, ``refs/tags/…`` or a full commit id.

    Raises:
        RefRefusedError: it is something else.
    """
    if is_commit(text):
        return text
    if len(text) > _LONGEST_REF or _REF.fullmatch(text) is None or _BAD_REF.search(text):
        message = f"{text[:80]!r} is not a ref"
        raise RefRefusedError(message, remedy="Give a branch, a tag, or a full commit id in lower case.")
    return text


def is_commit(text: str) -> bool:
    """Tell whether ``text`` is a full commit id (40 or 64 lower-case hex digits)."""
    return _COMMIT.fullmatch(text) is not None


def _refused(text: str, why: str) -> UrlRefusedError:
    # the text may hold a password in a place where no pattern looks for one: only its start is shown
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)?", text)
    shown = f" {scheme[0][:20]!r}…" if scheme else ""
    return UrlRefusedError(
        f"the repository's URL{shown} is refused: {why}",
        remedy="Use https://HOST/PATH, ssh://HOST/PATH or USER@HOST:PATH, with credentials by reference.",
    )
