"""Charts: of a chart repository, or each in a repository of an OCI registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.domain.fleet import HelmSource
from common.domain.refs import ChartRef
from common.semver import is_version
from common.sources.kinds.kind import Declared, Pin

if TYPE_CHECKING:
    from common.sources.doors import Door, Machine
    from common.sources.kinds.chart.schema import ChartPart, HelmSourceSpec


class ChartKind:
    """Charts by name and version."""

    key = "helm"
    words = "helm"
    signed = False
    pins: Mapping[str, Pin] = {"tag": Pin(is_version, "a version of a chart", "give one as 1.2.0")}

    def schema(self) -> type[ChartPart]:
        """Return the model of its keys."""
        from common.sources.kinds.chart.schema import ChartPart

        return ChartPart

    def address(self, spec: HelmSourceSpec) -> tuple[tuple[str, ...], str]:
        """Return where the repository is named, and its URL."""
        return ("helm", "repo"), spec.repo

    def declared(self, spec: HelmSourceSpec, common: Declared) -> HelmSource:
        """Return the source that is declared."""
        return HelmSource(spec.repo, spec.chart, spec.version, common.credentials, common.keys, common.name)

    def read(self, repo: str, credentials: str, text: str) -> ChartRef | None:
        """Return what was stored."""
        return ChartRef.read(repo, credentials, text)

    def door(self, machine: Machine) -> tuple[type[ChartRef], Door]:
        """Return this machine's charts."""
        from common.sources.kinds.chart.remote import chart_remote

        return ChartRef, machine.kept(self.key, chart_remote)
