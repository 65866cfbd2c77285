"""The server of the Model Context Protocol, over stdio for one person, or over HTTP for whoever shows a token."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib.metadata import version

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from console.client.hub import Hub
from console.mcp.answers import NOTE
from console.mcp.tools import Tools

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
DESTROYS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
"""Objects may be removed: a client is to ask its person first."""


class Writes(StrEnum):
    """Whether tools that ask for a change are there."""

    OFF = "off"
    ON = "on"


def server(connect: Callable[[], Hub], *, writes: Writes) -> MCPServer:
    """Return a server of the tools.

    Args:
        connect: gives the hub for each call, as the one who asks.
        writes: whether changes may be asked for; what the token may is the hub's to say.
    """
    about = f"The state of a fleet of Kubernetes clusters. {NOTE}"
    made = MCPServer("flotilla", instructions=about, version=version("flotilla"), log_level="WARNING")
    tools = Tools(connect)
    for tool in tools.reads:
        made.add_tool(tool, annotations=READS, structured_output=False)
    if writes is Writes.ON:
        for tool in tools.writes:
            annotations = DESTROYS if tool == tools.sync else WRITES
            made.add_tool(tool, annotations=annotations, structured_output=False)
    return made
