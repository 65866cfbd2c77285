"""Where nothing of ours connects to unless a setting allows it: a machine's own link, and what clouds put there.

A cloud tells any process on a machine its credentials at such an address, and asks for none. Names are looked at before
anything is asked, addresses when they are known: what a resolver said is bound to the connection, or the connection's
other end is looked at before a byte is sent. A name that leads elsewhere a moment later helps nobody.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
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
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_IPV4 = 0xFFFFFFFF


class LinkLocal(StrEnum):
    """Whether link-local and metadata addresses may be connected to."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class DestinationRefusedError(PermanentError):
    """A server lies where a cloud's metadata, or nothing but this machine's own link, is to be found."""

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
    """Return an address, and the one of IPv4 that it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        carried = ipaddress.IPv4Address(int(address) & _IPV4)
    return (address,) if carried is None else (address, carried)
