"""Where nothing of ours connects to unless a setting allows it: a machine's own link, and what clouds put there.

A cloud tells any process on a machine its credentials at such an address, and asks for none. Names are looked at before
anything is asked, addresses when they are known: what a resolver said is bound to the connection, or the connection's
other end is looked at before a byte is sent. A name that leads elsewhere a moment later helps nobody.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, ClassVar

from common.domain.errors import PermanentError

_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",
            "fe80::/10",
            "fd00:ec2::/32",  # AWS, over IPv6
            "fd20:ce::/32",  # Google, over IPv6
            "fd00:42::/32",  # Scaleway, over IPv6
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure's host
            "192.0.0.192/32",  # Oracle
            "0.0.0.0/32",
            "::/128",
        ),
    )
)
_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_TUNNEL = 0x5EFE
"""Third quarter of an ISATAP address (RFC 5214), but for the bit that says whether its IPv4 is unique."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_IPV4 = 0xFFFFFFFF


class LinkLocal(StrEnum):
    """Whether link-local and metadata addresses may be connected to."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class DestinationRefusedError(PermanentError):
    """A server is where a cloud's metadata, or nothing but this machine's own link, is to be found."""

    code: ClassVar[str] = "address.link-local"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host[:200]!r} leads to a link-local or metadata address, which is not connected to",
            remedy="Name another server; FLOTILLA_ALLOW_LINK_LOCAL=true allows it if one really is there.",
        )


def check_name(host: str, policy: LinkLocal) -> None:
    """Return if a host is none of these addresses by its very text, however that is spelt.

    Args:
        host: name or address, with or without brackets.
        policy: whether they are refused.

    Raises:
        DestinationRefusedError: it is one.
    """
    bare = host.strip("[]").rstrip(".").lower()
    if policy is LinkLocal.REFUSED and (bare in _NAMES or _is_refused(bare)):
        raise DestinationRefusedError(host)


def check_addresses(host: str, found: Iterable[str], policy: LinkLocal) -> None:
    """Return if none of the addresses that a resolver found for a host is one of these.

    Raises:
        DestinationRefusedError: one is.
    """
    if policy is LinkLocal.REFUSED and any(map(_is_refused, found)):
        raise DestinationRefusedError(host)


def check_peer(connected: socket.socket, host: str, policy: LinkLocal) -> None:
    """Return if the other end of a connection is none of these; close it otherwise.

    Raises:
        DestinationRefusedError: it is one.
        OSError: the connection broke.
    """
    # A socket through SOCKS tells of the server; where it really leads is the proxy.
    peer: Any = socket.socket.getpeername(connected)
    try:
        check_addresses(host, peer[:1] if isinstance(peer, tuple) else (), policy)
    except DestinationRefusedError:
        connected.close()
        raise


def resolved(host: str, port: int, policy: LinkLocal) -> tuple[str, ...]:
    """Return the addresses of a host, none of which is one of these.

    Raises:
        DestinationRefusedError: one is.
        OSError: there are none.
    """
    check_name(host, policy)
    answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    found = tuple(dict.fromkeys(str(address[0]) for *_, address in answers))
    check_addresses(host, found, policy)
    return found


def _is_refused(text: str) -> bool:
    address = _address(text)
    if address is None:
        return False
    return any(each in network for each in _meant(address) for network in _NETWORKS)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return what libraries take a text for: ``169.254.1``, ``0xa9fe0001`` and ``2851995649`` are addresses too."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def _meant(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """Return an address, and those of IPv4 that it may carry, wherever a gateway would look for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    return (address, *(ipaddress.IPv4Address(each) for each in _carried(address)))


def _carried(address: ipaddress.IPv6Address) -> Iterator[int]:
    """Yield what an address may carry: RFC 4291, 3056, 4380, 5214, 6052, 7915, 8215."""
    number = int(address)
    last = number & _IPV4
    if address.ipv4_mapped is not None or address in _TRANSLATED or address in _NAT64:
        yield last
    if address in _COMPATIBLE and number > 1:
        yield last
    if address.sixtofour is not None:
        yield int(address.sixtofour)
    if address.teredo is not None:
        yield from map(int, address.teredo)
    if number >> 32 & 0xFFFFFFFF & ~0x02000000 == _TUNNEL:
        yield last
    if address in _LOCAL_NAT64:
        # an operator says how long the prefix is; bits 64 to 71 are left out, and what is not used is 0
        by_48 = (number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF
        by_56 = (number >> 64 & 0xFF) << 24 | number >> 32 & 0xFFFFFF
        yield from filter(None, (last, by_48, by_56, number >> 24 & _IPV4))
