"""The table of renderers: to add one is to ``register`` an entry, and a folder in ``workers.render``.

An entry is data, and names its two parts by where they are defined: what the registry may say under ``render`` (read by
every process that parses a registry) and the code (loaded by workers, and by commands that render, alone). So nothing
here imports workers, and no process loads what it does not use. ADR 39 says why there is one table and not two.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class RendererEntry:
    """One renderer.

    Attributes:
        name: its key under ``render`` in the registry, and in the identity of what it renders.
        description: for the JSON Schema.
        format: ``module:name`` of what the registry may say: a model (``common.registry.schema.base.Base``) of its
            settings, or a type of text, which then is its one setting ``name``.
        code: ``module:name`` of the class (``workers.render.protocol.Renderer``).
    """

    name: str
    description: str
    format: str
    code: str

    def load_format(self) -> Any:
        """Return the type of what the registry may say."""
        return _loaded(self.format)

    def load_code(self) -> Any:
        """Return the class; only where ``workers`` may be imported."""
        return _loaded(self.code)


_FORMATS = "common.registry.schema.rendering"
_TABLE: dict[str, RendererEntry] = {}


def renderers() -> tuple[RendererEntry, ...]:
    """Return every renderer, in the order in which they are asked whether a folder needs them."""
    return tuple(_TABLE.values())


def register(entry: RendererEntry) -> None:
    """Add a renderer before those that are here, and before the registry's format is first imported.

    It is asked first whether a folder needs it: whoever knows a folder by a certain file comes before who takes any.

    Raises:
        ValueError: there is one of that name.
    """
    if entry.name in _TABLE:
        message = f"there is a renderer {entry.name!r} already"
        raise ValueError(message)
    others = dict(_TABLE)
    _TABLE.clear()
    _TABLE.update({entry.name: entry, **others})


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


register(
    RendererEntry(
        "command",
        "A command that the operator of the workers allows, by its name there.",
        f"{_FORMATS}:CommandName",
        "workers.render.command.renderer:CommandRenderer",
    )
)
register(
    RendererEntry(
        "plain", "Manifests as they are.", f"{_FORMATS}:PlainRenderSpec", "workers.render.plain:PlainRenderer"
    )
)
register(
    RendererEntry(
        "jsonnet", "Jsonnet.", f"{_FORMATS}:JsonnetRenderSpec", "workers.render.jsonnet.renderer:JsonnetRenderer"
    )
)
register(RendererEntry("helm", "Helm.", f"{_FORMATS}:HelmRenderSpec", "workers.render.helm.renderer:HelmRenderer"))
register(
    RendererEntry(
        "kustomize",
        "Kustomize.",
        f"{_FORMATS}:KustomizeRenderSpec",
        "workers.render.kustomize.renderer:KustomizeRenderer",
    )
)
