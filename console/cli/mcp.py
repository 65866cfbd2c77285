"""``mcp``: the hub for assistants, as a server of the Model Context Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

from common.domain.errors import PermanentError
from console.client.hub import connect, connect_with


class NoMcpError(PermanentError):
    """What speaks the Model Context Protocol is not installed."""

    code = "mcp.missing"


def mcp(
    writes: Annotated[bool, typer.Option("--writes", help="offer sync, pause, resume and refresh too")] = False,
    http: Annotated[int, typer.Option("--http", metavar="PORT", min=0, max=65535, help="serve HTTP, here alone")] = 0,
    host: Annotated[list[str] | None, typer.Option(help="with --http: a proxy's name, as HOST:PORT or HOST")] = None,
) -> None:
    """Serve the hub's answers to assistants: tools of the Model Context Protocol, over stdin and stdout or over HTTP.

    The tools may what the token may: over stdio the context's, over HTTP that which each request shows. What is asked
    for with --writes is audited as all else.

    Example: flotilla --context prod mcp
    """
    try:
        from console.mcp.server import Writes, server
    except ImportError as error:
        message = "the package mcp is not installed"
        raise NoMcpError(message, remedy="in a checkout of Flotilla: pip install '.[mcp]'") from error
    offered = Writes.ON if writes else Writes.OFF
    if http:
        from console.mcp.http import application, serve

        connect_with("none")  # no address: said now, not at the first call
        serve(application(connect_with, writes=offered, hosts=tuple(host or ())), http)
        return
    connect()  # no hub, or no token: said now, not at the first call
    server(connect, writes=offered).run("stdio")
