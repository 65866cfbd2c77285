"""The renderer of Jsonnet programs: what ``imports`` finds that one reads, evaluated by ``rendering``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from common.sources.trees import Tree
from workers.render.jsonnet import imports, rendering
from workers.render.jsonnet.imports import JsonnetFootprint
from workers.render.manifests import Output
from workers.render.pool import RenderProcesses
from workers.render.protocol import Age, Loans, Machine, Need, Place, numbers
from workers.render.request import RenderRequest


class JsonnetRenderer:
    """See ``workers.render.protocol.Renderer``."""

    name: ClassVar[str] = rendering.NAME
    needs: ClassVar[frozenset[Need]] = frozenset({Need.VALUES})
    detected: ClassVar[bool] = True

    def __init__(self, machine: Machine) -> None:
        self._processes = RenderProcesses(rendering.LIBRARY, machine.bounds)

    @classmethod
    def detects(cls, place: Place) -> bool:
        """Return whether it is a program, or a folder with a ``main.jsonnet``."""
        return place.path.endswith(imports.SUFFIX) if place.names is None else imports.MAIN in place.names

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> JsonnetFootprint:
        """Return every file that the program reaches; raises as ``imports.footprint``."""
        return imports.footprint(tree, path, options)

    def version(self, _options: Mapping[str, Any]) -> str:
        """Return the library's version."""
        return rendering.VERSION

    def render(self, tree: Tree, reads: JsonnetFootprint, request: RenderRequest, _loans: Loans) -> Output:
        """Return what the program gives; each value is an external variable. Raises as ``rendering.render``."""
        values = {**request.values, "cluster": request.cluster}
        return rendering.render(
            tree, request.options, values, reads=reads, processes=self._processes, project=request.project
        )

    def supersedes(self, version: str, _age: Age, _options: Mapping[str, Any]) -> bool:
        """Return whether the library here is newer."""
        return numbers(rendering.VERSION) > numbers(version)

    def cures(self, _error_code: str, _options: Mapping[str, Any]) -> bool:
        """Return False: the library is part of what is installed."""
        return False

    def close(self) -> None:
        """End the processes."""
        self._processes.close()
