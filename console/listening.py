"""Listening on an address: bound by us, so that a port that is taken is told before anything else starts."""

from __future__ import annotations

import errno
import os
import socket

from common.domain.errors import PermanentError

BACKLOG = 2048


class PortInUseError(PermanentError):
    """Another program listens where we would."""

    code = "api.port-in-use"


class AddressError(PermanentError):
    """The machine has no such address, or the port is not for us."""

    code = "api.address"


def listen(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets, one for each address that ``host`` stands for here.

    Args:
        host: a name or an address.
        port: the port; 0 takes a free one, the same for all.

    Raises:
        PortInUseError: another program listens on one of them.
        AddressError: it cannot be listened on for another reason.
    """
    sockets: list[socket.socket] = []
    try:
        for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            taken = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_bound(family, (address[0], taken, *address[2:])))
            except OSError as error:
                # `localhost` also stands for an address of IPv6 that a machine may not have.
                if error.errno != errno.EADDRNOTAVAIL or not sockets:
                    raise
    except OSError as error:
        for each in sockets:
            each.close()
        raise _translated(host, port, error) from error
    return sockets


def _bound(family: int, address: tuple[str | int, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _translated(host: str, port: int, error: OSError) -> PermanentError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"port {port} on {host} is in use by another program",
            remedy="End that program, or set FLOTILLA_API_PORT to a port that is free.",
        )
    why = os.strerror(error.errno) if error.errno and not isinstance(error, socket.gaierror) else str(error.strerror)
    return AddressError(
        f"cannot listen on {host}, port {port}: {why}", remedy="Set FLOTILLA_API_HOST and FLOTILLA_API_PORT."
    )
