"""The renderer of charts: what ``charts`` finds that one reads, given to Helm's library by ``rendering``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from common.sources.trees import Tree
from workers.render.helm import charts, rendering
from workers.render.helm.charts import ChartFootprint
from workers.render.helm.rendering import Release
from workers.render.manifests import Output
from workers.render.pool import RenderProcesses
from workers.render.protocol import Age, Loans, Machine, Need, Place, numbers
from workers.render.request import RenderRequest


class HelmRenderer:
    """See ``workers.render.protocol.Renderer``."""

    name: ClassVar[str] = rendering.NAME
    needs: ClassVar[frozenset[Need]] = frozenset(Need)
    detected: ClassVar[bool] = True

    def __init__(self, machine: Machine) -> None:
        self._processes = RenderProcesses(rendering.LIBRARY, machine.bounds)

    @classmethod
    def detects(cls, place: Place) -> bool:
        """Return whether there is a ``Chart.yaml``."""
        return place.names is not None and charts.CHART_FILE in place.names

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> ChartFootprint:
        """Return the chart, its values files, and charts beside it; raises as ``charts.footprint``."""
        return charts.footprint(tree, path, options)

    def version(self, _options: Mapping[str, Any]) -> str:
        """Return the library's version, and ours; raises as ``RenderProcesses.version``."""
        return f"{self._processes.version()}+{rendering.OURS}"

    def render(self, tree: Tree, reads: ChartFootprint, request: RenderRequest, loans: Loans) -> Output:
        """Return what the chart gives; raises as ``rendering.render``."""
        release = Release(
            name=request.release,
            namespace=request.namespace,
            values=request.values,
            cluster=request.cluster,
            capabilities=request.capabilities,
            ignore=request.ignore,
            loans=loans,
            project=request.project,
        )
        return rendering.render(tree, request.options, release, reads=reads, processes=self._processes)

    def supersedes(self, version: str, _age: Age, _options: Mapping[str, Any]) -> bool:
        """Return whether the library here is newer."""
        return numbers(self.version({})) > numbers(version)

    def cures(self, _error_code: str, _options: Mapping[str, Any]) -> bool:
        """Return False: the library is part of what is installed."""
        return False

    def close(self) -> None:
        """End the processes."""
        self._processes.close()
