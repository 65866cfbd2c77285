"""Which addresses may be asked for an artifact. Pure.

Parsed by the very library that asks them, so that no two parsers can differ about who is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

import httpx

from common.domain import addresses
from common.domain.addresses import is_loopback
from common.domain.refs import OCI
from common.sources.artifacts.faults import AddressRefusedError
from common.sources.urls import PlainHttp

_BLANK = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST = 4_000
_HIGHEST_PORT = 65_535
_SERVED_ELSEWHERE = {"docker.io": "registry-1.docker.io"}
"""Registries whose API does not answer under the name that people write."""


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address; its text leaves the query out, which may hold a signature.

    Attributes:
        url: as it is asked.
        origin: scheme, host and port, which credentials are bound to.
        plain: whether it is plain http, to this very machine.
    """

    url: httpx.URL
    origin: str
    plain: bool

    def __str__(self) -> str:
        return f"{self.origin}{self.url.path}"

    def linked(self, text: str) -> Address:
        """Return where ``text``, said by the server here, leads; plain http only where this is plain http too.

        Raises:
            AddressRefusedError: it leads to where nothing may be asked.
        """
        try:
            url = self.url.join(text)
        except (httpx.InvalidURL, ValueError):
            _refuse(f"{self} leads to what is no address")
        return _checked(url, PlainHttp.LOOPBACK if self.plain else PlainHttp.REFUSED, f"{self} leads to an address")

    def below(self, path: str) -> Address:
        """Return the address of ``path`` under this one."""
        return Address(self.url.copy_with(path=f"{self.url.path.rstrip('/')}/{path}"), self.origin, self.plain)

    def exactly(self, target: str) -> Address:
        """Return the address of ``target``, a path with a query that are escaped already, on this server.

        Raises:
            AddressRefusedError: it would be asked for in another spelling than is given, or is too long.
        """
        url = self.url.copy_with(raw_path=target.encode("ascii"))
        if url.raw_path.decode("ascii") != target or len(target) > _LONGEST:
            _refuse(f"{self.origin} has something at an address that is not plain")
        return Address(url, self.origin, self.plain)

    def asking(self, **parameters: str) -> Address:
        """Return the address with these parameters in its query."""
        return Address(self.url.copy_merge_params(parameters), self.origin, self.plain)


def chart_repository(text: str, plain_http: PlainHttp) -> Address:
    """Return the address of a chart repository.

    Raises:
        AddressRefusedError: no https, credentials in it, or an odd form.
    """
    try:
        addresses.chart_repository(text)
        url = httpx.URL(text)
    except addresses.AddressError as error:
        _refuse(f"the chart repository's URL is refused: {error.what}", error.advice)
    except (httpx.InvalidURL, ValueError):
        _refuse("the chart repository's URL is none")
    return _checked(url, plain_http, "the chart repository's URL")


def oci_repository(text: str, plain_http: PlainHttp) -> tuple[Address, str]:
    """Return the address of the registry in ``oci://HOST/NAME``, and the repository's name there.

    Raises:
        AddressRefusedError: it is something else.
    """
    if not text.startswith(OCI):
        _refuse(f"{text[:80]!r} is no repository of an OCI registry", "Write it as oci://HOST/NAME, without tag.")
    try:
        host, name = addresses.oci_repository(text.removeprefix(OCI))
        plain = plain_http is PlainHttp.LOOPBACK and is_loopback(httpx.URL(f"https://{host}").host)
        url = httpx.URL(f"{'http' if plain else 'https'}://{_SERVED_ELSEWHERE.get(host, host)}/v2/")
    except addresses.AddressError as error:
        _refuse(f"{text[:80]!r} is refused: {error.what}", error.advice)
    except (httpx.InvalidURL, ValueError):  # the latter of an international name that cannot be decoded
        _refuse(f"{text[:80]!r} names no host")
    return _checked(url, plain_http, "the registry's address"), name


def server(host: str, plain_http: PlainHttp, what: str) -> Address:
    """Return the address of a server by ``HOST`` or ``HOST:PORT``; plain http where that is allowed to loopback.

    Args:
        host: with its port, if it has one.
        plain_http: whether it is.
        what: it is, for messages: ``the endpoint``.

    Raises:
        AddressRefusedError: it is no plain host.
    """
    try:
        plain = plain_http is PlainHttp.LOOPBACK and is_loopback(httpx.URL(f"https://{host}").host)
        url = httpx.URL(f"{'http' if plain else 'https'}://{host}/")
    except (httpx.InvalidURL, ValueError):  # the latter of an international name that cannot be decoded
        _refuse(f"{what} names no host")
    return _checked(url, plain_http, what)


def chart_in(repo: str, chart: str) -> str:
    """Return the OCI repository of ``chart`` under the one that ``repo`` (``oci://…``) names."""
    return f"{OCI}{repo.removeprefix(OCI).rstrip('/')}/{chart}"


def _checked(url: httpx.URL, plain_http: PlainHttp, what: str) -> Address:
    try:
        addresses.check_host(url.raw_host.decode("ascii"))
        host = url.host
    except ValueError:
        _refuse(f"{what} names no host")
    if url.userinfo:
        _refuse(f"{what} holds credentials", "Give them by reference.")
    if not (host and 0 < (url.port or 443) <= _HIGHEST_PORT) or _BLANK.search(str(url)) or len(str(url)) > _LONGEST:
        _refuse(f"{what} is not plain")
    plain = url.scheme == "http"
    if url.scheme not in {"https", "http"} or (plain and (plain_http is PlainHttp.REFUSED or not is_loopback(host))):
        _refuse(f"{what} at {host[:200]} is not https")
    return Address(url.copy_with(fragment=None), f"{url.scheme}://{url.netloc.decode('ascii')}", plain)


def _refuse(what: str, remedy: str = "Only https is asked, at addresses without credentials.") -> NoReturn:
    raise AddressRefusedError(what, remedy=remedy)
