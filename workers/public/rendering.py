"""Renderers: a tree and parameters turned into manifests, as a worker does it."""

from workers.render.cache import RenderCache
from workers.render.command.allowed import allowed as allowed_commands
from workers.render.command.identity import identity as command_identity
from workers.render.manifests import Sourced
from workers.render.parts import Part, by_source
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers, Resolved, renderers_from, renderers_with
from workers.render.request import Capabilities, RenderRequest, request_for
from workers.render.secrecy import silenced
from workers.render.sops import Decryptor
from workers.render.table import asks_cluster

__all__ = [
    "Capabilities",
    "Decryptor",
    "Part",
    "RenderCache",
    "RenderRequest",
    "Rendered",
    "Renderers",
    "Resolved",
    "Sourced",
    "allowed_commands",
    "asks_cluster",
    "by_source",
    "command_identity",
    "renderers_from",
    "renderers_with",
    "request_for",
    "silenced",
]
