"""The renderer of kustomizations: what ``kustomization`` finds that one reads, built by ``rendering``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from common.sources.trees import Tree
from workers.render.faults import RendererMissingError
from workers.render.kustomize import rendering
from workers.render.kustomize.kustomization import Footprint
from workers.render.manifests import Output
from workers.render.plain import KUSTOMIZATION_NAMES
from workers.render.protocol import Age, Loans, Machine, Need, Place, numbers
from workers.render.request import RenderRequest


class KustomizeRenderer:
    """See ``workers.render.protocol.Renderer``."""

    name: ClassVar[str] = rendering.NAME
    needs: ClassVar[frozenset[Need]] = frozenset()
    detected: ClassVar[bool] = True

    def __init__(self, machine: Machine) -> None:
        self._path = machine.kustomize
        self._bounds = machine.bounds

    @classmethod
    def detects(cls, place: Place) -> bool:
        """Return whether there is a kustomization."""
        return place.names is not None and not place.names.isdisjoint(KUSTOMIZATION_NAMES)

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> Footprint:
        """Return what building it reads; raises as ``rendering.footprint``."""
        return rendering.footprint(tree, path, options)

    def version(self, _options: Mapping[str, Any]) -> str:
        """Return the tool's version; raises as ``rendering.tool``."""
        return self._tool().version

    def render(self, tree: Tree, reads: Footprint, request: RenderRequest, _loans: Loans) -> Output:
        """Return what building it gives; raises as ``rendering.render``."""
        path, options = request.parts[0].path, request.options
        return rendering.render(tree, path, options, reads=reads, tool=self._tool(), bounds=self._bounds)

    def supersedes(self, version: str, _age: Age, _options: Mapping[str, Any]) -> bool:
        """Return whether the tool here is newer."""
        try:
            return numbers(self.version({})) > numbers(version)
        except RendererMissingError:
            return False

    def cures(self, error_code: str, options: Mapping[str, Any]) -> bool:
        """Return whether a tool was missing, and is here."""
        return error_code == RendererMissingError.code and self.supersedes("", Age.BEFORE, options)

    def close(self) -> None:
        """Hold nothing: the tool runs once for each rendering."""

    def _tool(self) -> rendering.Tool:
        return rendering.tool(self._path, strictness=self._bounds.strictness)
