"""Which addresses a registry may name, checked once for everybody: the format, the hub's sources, the CLI. Pure.

What two programs read differently may pass one and do harm in the other, so that an address is refused here unless all
readers agree on it: no escape hides a slash, a dot, a control character or another escape, and hosts are plain. Form:
RFC 3986. Every rule gives a reason of its own.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2_000
_HIGHEST_PORT = 65_535
_BLANK = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
_SCP = re.compile(r"(?P<user>[A-Za-z0-9._][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>.+)")
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_USER = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_IN_PATH = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@/%\u00a1-\U0010ffff-]")
"""What RFC 3986 lets stand in a path, but the star, which is a pattern's; beyond ASCII as people write it."""
_ESCAPE = re.compile(r"%(..?)?", re.DOTALL)
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
_HIDING = {0x25: "a percent sign", 0x2E: "a dot", 0x2F: "a slash", 0x5C: "a backslash", 0x2A: "a star"}
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(rf"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:\d{{1,5}})?/(?P<name>{_PART}(?:/{_PART})*)")
_LONGEST_NAME = 255
_LONGEST_LABEL = 63
_LONGEST_HOST = 253
"""Of RFC 1035; a resolver raises what is no error of a connection."""
_SCP_PATTERN = re.compile(r"(?P<user>[^/@:]+)@(?P<host>[^/@:]+):(?P<path>.*)", re.DOTALL)
_OCI = "oci://"
PROXY_SCHEMES = frozenset({"http", "https", "socks5"})
"""How a proxy may be spoken to; names are resolved at its end."""


class AddressError(ValueError):
    """An address that is refused.

    Attributes:
        what: is wrong; never repeats the address, which may hold a password.
        remedy: what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy

    @property
    def advice(self) -> str:
        """The remedy as a sentence."""
        return f"{self.remedy[:1].upper()}{self.remedy[1:]}."


class Transport(StrEnum):
    """How a server is reached."""

    HTTPS = "https"
    HTTP = "http"
    """Loopback only, by a setting."""
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class GitAddress:
    """A checked URL of a Git repository.

    Attributes:
        text: as written; holds no password.
        transport: how it is reached.
        host: name or address in lower case, without brackets.
        origin: ``https://host:port/``, which credentials are bound to; empty for ssh.
    """

    text: str
    transport: Transport
    host: str
    origin: str

    def __str__(self) -> str:
        return self.text


def git_address(text: str) -> GitAddress:
    """Return ``text`` as the URL of a Git repository: ``https://…``, ``ssh://…`` or ``USER@HOST:PATH``.

    Raises:
        AddressError: another transport (``ext::``, ``file://``, a path), credentials in it, or an odd form.
    """
    remedy = "write https://HOST/PATH or, over ssh, USER@HOST:PATH"
    if text.startswith("-") or _HELPER.match(text):
        refuse("git would read the URL as an option or as a command", remedy)
    _check_text(text)
    match = _SCP.fullmatch(text)
    if match is not None:
        _check_scp_path(match["path"])
        return GitAddress(text, Transport.SSH, match["host"].lower(), "")
    parts = _split(text, frozenset(Transport), remedy)
    _check_user(parts, Transport(parts.scheme))
    if not parts.path.strip("/"):
        refuse("the URL names no repository on its host", "add the repository's path")
    _check_path(parts.path)
    _check_no_more(text)
    return GitAddress(text, Transport(parts.scheme), parts.hostname or "", _origin(parts))


def web_address(text: str, what: str = "https://HOST/PATH") -> str:
    """Return ``text`` if it is an https URL without user, query and fragment (http for loopback).

    Raises:
        AddressError: it is something else.
    """
    _check_text(text)
    parts = _split(text, frozenset({Transport.HTTPS, Transport.HTTP}), f"write {what}")
    _check_user(parts, Transport(parts.scheme))
    _check_path(parts.path)
    _check_no_more(text)
    return text


def server_address(text: str) -> str:
    """Return ``text`` if it is the https URL of an API server.

    Raises:
        AddressError: it is something else.
    """
    if text.startswith("http://"):
        refuse("the URL of the API server is plain http, which would show the credentials", "write https://HOST:PORT")
    return web_address(text, "https://HOST:PORT")


def proxy_address(text: str) -> str:
    """Return ``text`` if it is the URL of a proxy: ``http://``, ``https://`` or ``socks5://`` with host and port.

    Raises:
        AddressError: it is something else.
    """
    remedy = "write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"
    _check_text(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        refuse("the proxy's host or port cannot be read", remedy)
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
        refuse("the proxy is reached by none of http, https and socks5", remedy)
    if parts.username is not None or parts.password is not None:
        refuse("the URL carries credentials", "remove them and use credentials: {secretRef: …}")
    check_host(parts.hostname)
    if not port:
        refuse("the proxy's port is missing", remedy)
    if parts.path.strip("/"):
        refuse("a proxy's URL has no path", remedy)
    _check_no_more(text)
    return text


def chart_repository(text: str) -> str:
    """Return ``text`` if it is the URL of a chart repository: ``https://…``, or ``oci://HOST/NAME``.

    Raises:
        AddressError: it is something else.
    """
    if text.startswith(_OCI):
        oci_repository(text.removeprefix(_OCI).rstrip("/"))
        return text
    return web_address(text, "https://HOST/PATH or oci://HOST/NAME")


def oci_repository(image: str) -> tuple[str, str]:
    """Return host (with port) and name of a repository in an OCI registry, ``HOST/NAME`` without scheme and tag.

    Raises:
        AddressError: it is something else.
    """
    remedy = "write HOST/NAME, in lower case, without scheme, tag and digest"
    match = _IMAGE.fullmatch(image) if len(image) <= LONGEST_URL else None
    if match is None:
        refuse("it is not a repository of an OCI registry", remedy)
    host, port, name = match["host"], match["port"] or "", match["name"]
    if len(name) > _LONGEST_NAME:
        refuse(f"the repository's name is longer than {_LONGEST_NAME} characters", "shorten it")
    if not (port or "." in host or ":" in host or host == "localhost"):
        refuse("it begins with no host", f"{remedy}; an image of Docker Hub is docker.io/NAME")
    check_host(host)
    if port and not 0 < int(port[1:]) <= _HIGHEST_PORT:
        refuse("the port is empty or out of range", f"give one from 1 to {_HIGHEST_PORT}")
    return f"{host}{port}", name


def comparable(text: str) -> str:
    """Return a URL, or a pattern of URLs, in the one spelling in which they are compared.

    ``USER@HOST:PATH`` becomes ``ssh://USER@HOST/PATH``, scheme and host go to lower case, the scheme's own port is left
    out, and escapes are in capitals. What hides something behind an escape is no address here, so that nothing else
    need be undone.
    """
    match = _SCP_PATTERN.fullmatch(text)
    if match is not None and "://" not in text:
        text = f"ssh://{match['user']}@{match['host']}/{match['path'].lstrip('/')}"
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    scheme = scheme.lower()
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    host = host.lower()
    port = _DEFAULT_PORTS.get(scheme)
    host = host.removesuffix(f":{port}") if port else host
    path = re.sub(r"%[0-9A-Fa-f]{2}", lambda escape: escape[0].upper(), path)
    return f"{scheme}://{user}{at}{host}{slash}{path}"


def repository_key(text: str) -> str:
    """Return a repository's URL in the one spelling that all its spellings share: ``comparable``, without the ending.

    Git servers serve ``NAME`` and ``NAME.git`` alike, and a slash behind either. It finds a repository, and is no
    address: what is fetched, and what a project is allowed, goes by the registry's own spelling.
    """
    return comparable(text).rstrip("/").removesuffix(".git").rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine by its very name, without asking a resolver."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str) -> None:
    """Return if a host is plain: an address, or a name that a resolver takes.

    Raises:
        AddressError: it is something else.
    """
    bare = host.strip("[]")
    if ":" in bare:
        try:
            zone = ipaddress.IPv6Address(bare).scope_id
        except ValueError:
            refuse("the host is no address", "write an IPv6 address in brackets")
        if zone is not None:
            refuse("the host is an address of one machine's own link", "leave the zone (after '%') out")
    elif _NAME.fullmatch(bare) is None:
        remedy = "use letters, digits, dots and hyphens; write an international name in its xn-- form"
        refuse("the host is no plain name", remedy)
    elif any(not 0 < len(part) <= _LONGEST_LABEL for part in bare.split(".")) or len(bare) > _LONGEST_HOST:
        refuse(
            "a part of the host's name is empty or too long", f"write at most {_LONGEST_LABEL} characters between dots"
        )


def refuse(what: str, remedy: str) -> NoReturn:
    """End a check.

    Raises:
        AddressError: always.
    """
    raise AddressError(what, remedy)


def _check_text(text: str) -> None:
    if not text:
        refuse("the URL is empty", "write it out")
    if len(text) > LONGEST_URL:
        refuse(f"the URL is longer than {LONGEST_URL:,} characters", "shorten it")
    if " " in text:
        refuse("the URL holds a space", "write %20 for it")
    if _BLANK.search(text):
        refuse("the URL holds a blank, a line break or another character that does not show", "remove it")


def _split(text: str, schemes: frozenset[Transport], remedy: str) -> SplitResult:
    """Return the parts of a URL of one of ``schemes`` with a plain host."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        refuse("its host or port cannot be read", remedy)
    if parts.scheme not in schemes or not text[len(parts.scheme) :].startswith("://"):
        refuse(f"the URL does not begin with {_either(schemes)}", remedy)
    if not parts.hostname:
        refuse("the URL names no host", remedy)
    check_host(parts.hostname)
    if port == 0 or parts.netloc.endswith(":"):
        refuse("the port is empty or out of range", f"give one from 1 to {_HIGHEST_PORT}")
    if parts.scheme == Transport.HTTP and not is_loopback(parts.hostname):
        refuse("plain http would show what is sent", "use https; http is for loopback in demos and tests")
    return parts


def _either(schemes: frozenset[Transport]) -> str:
    return " or ".join(f"{scheme}://" for scheme in sorted(schemes - {Transport.HTTP}))


def _check_user(parts: SplitResult, transport: Transport) -> None:
    if parts.password is not None or (parts.username is not None and transport is not Transport.SSH):
        refuse("the URL carries credentials", "remove them and use credentials: {secretRef: …}")
    if parts.username is not None and _USER.fullmatch(parts.username) is None:
        refuse("the URL's user name is not plain", "use letters, digits, dots and hyphens")


def _check_no_more(text: str) -> None:
    if "?" in text:
        refuse("the URL holds a query (after '?')", "give the plain URL; write %3F for a question mark in a path")
    if "#" in text:
        refuse("the URL holds a fragment (after '#')", "give the plain URL; write %23 for a hash sign in a path")


def _check_scp_path(path: str) -> None:
    if "%" in path:
        refuse("escapes mean nothing in USER@HOST:PATH", "write it with ssh:// before USER@HOST/PATH, where they do")
    if ":" in path:
        refuse(
            "a colon in the path of USER@HOST:PATH would be read as a port",
            "write it with ssh:// before USER@HOST/PATH",
        )
    _check_path(path)


def _check_path(path: str) -> None:
    """Return if a path may stand in a URL and means the same to whoever reads it."""
    unfit = _IN_PATH.sub("", path)
    if unfit:
        remedy = f"write %{ord(unfit[0]):02X} for it" if unfit[0] not in "\\*" else "leave it out"
        refuse(f"the URL's path holds {unfit[0]!r}, which may not stand there", remedy)
    for escape in _ESCAPE.finditer(path):
        _check_escape(escape[1] or "")
    steps = path.split("/")
    if ".." in steps or "." in steps:
        refuse("the URL's path holds '.' or '..' as a step", "write the path without")
    if any(step.startswith("-") for step in steps):
        refuse("a step of the URL's path begins with a hyphen, which git may take for an option", "use another path")


def _check_escape(digits: str) -> None:
    if _HEX.fullmatch(digits) is None:
        refuse("a '%' in the URL is followed by no two hex digits", "write a space as %20, and so on")
    code = int(digits, 16)
    if code < 0x20 or code == 0x7F:
        refuse(f"the escape %{digits} in the URL hides a control character", "leave it out")
    if code in _HIDING:
        refuse(f"the escape %{digits} in the URL hides {_HIDING[code]}", "write the path without it")
    if code in _PLAIN:
        refuse(f"the escape %{digits} in the URL stands for {chr(code)!r}", f"write {chr(code)!r} itself")


def _origin(parts: SplitResult) -> str:
    if parts.scheme == Transport.SSH:
        return ""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{parts.port}' if parts.port else ''}/"
