"""Who a request comes from, as far as counting goes: an address, a network of IPv6, or a user of this machine."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any

UNKNOWN = "unknown"
_LONGEST = 64
_PEER = struct.Struct("3i")
"""Process, user and group, as Linux tells of the other end of a Unix socket: unix(7), ``SO_PEERCRED``."""
_ONE_SITE = 64
"""Bits of an IPv6 address that a provider gives to one customer; the rest is the customer's to choose."""


def source_of(host: str) -> str:
    """Return what counts as one source for a host: an IPv4 address, a /64 of IPv6, the text itself of anything else."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:_LONGEST] or UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _ONE_SITE), strict=False))


def local_user(connected: Any) -> str:
    """Return ``uid:N`` for the user at the other end of a Unix socket; empty for another kind of socket."""
    if connected.family != socket.AF_UNIX:
        return ""
    return f"uid:{_PEER.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[1]}"


def among(host: str, networks: str) -> bool:
    """Return whether a host is an address in one of some networks, separated by commas."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(one.strip()) for one in networks.split(",") if one.strip())
