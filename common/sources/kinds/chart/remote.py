"""Which archive of a chart a source means now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from common.domain.refs import OCI, ChartRef
from common.semver import Partial, is_version
from common.sources.artifacts.addresses import chart_in, chart_repository
from common.sources.artifacts.archives import ArchiveLimits, Files, unpack, without_top_folder
from common.sources.artifacts.faults import VersionRefusedError
from common.sources.artifacts.remotes import Asking, Found, Remote, highest, no_version
from common.sources.kinds.chart.repository import ChartRepository, ChartVersion, Index, versions_of
from common.sources.kinds.oci.remote import OciRemote, Wanted, repository_at
from common.sources.kinds.oci.repository import OciRepository


class ChartRemote:
    """Charts in a chart repository.

    Args:
        repository: asks the server.
        source: which chart of it, and which version.
        kept: file that keeps the index between looks.
        limits: of archives.
    """

    def __init__(self, repository: ChartRepository, source: ChartRef, kept: Path, limits: ArchiveLimits) -> None:
        self._repository = repository
        self._source = source
        self._where = source.repo
        self._kept = kept
        self._limits = limits

    def wanted(self) -> Found:
        """Return what a version or range of a chart means; raises as ``ChartRepository``."""
        chart, wanted = self._source.chart, self._source.version
        versions = {each.version: each for each in reversed(self._versions(chart))}
        if wanted in versions:
            return self._found(versions[wanted])
        if "+" in wanted:  # what comes after it is no matter of ranges
            raise no_version(self._where, f"{chart} {wanted}")
        where = f"{self._where}: chart {chart}"
        return self._found(versions[highest(versions, wanted, where=where, partial=Partial.ALIKE)])

    def exact(self, commit: str) -> Found:
        """Return the version whose archive has that digest; raises as ``ChartRepository``."""
        chart = self._source.chart
        for each in self._versions(chart):
            if each.digest == commit:
                return self._found(each)
        found = self.wanted()
        if found.commit != commit:
            raise no_version(self._where, f"version of {chart} with sha256:{commit}")
        return found

    def _versions(self, chart: str) -> tuple[ChartVersion, ...]:
        known = self._known()
        index = self._repository.index(known)
        if index is not known:
            part = self._kept.with_suffix(".part")
            part.write_bytes(index.to_json())
            part.replace(self._kept)
        return versions_of(index, chart, where=self._where)

    def _known(self) -> Index | None:
        try:
            return Index.from_json(self._kept.read_bytes())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _found(self, chart: ChartVersion) -> Found:
        if chart.digest:
            return Found(chart.digest, lambda: self._files(self._archive(chart)), chart.version)
        # an index that names no digests: only the archive itself tells whether it changed
        packed = self._archive(chart)
        return Found(hashlib.sha256(packed).hexdigest(), lambda: self._files(packed), chart.version)

    def _archive(self, chart: ChartVersion) -> bytes:
        return self._repository.archive(chart, limit=self._limits.max_packed)

    def _files(self, packed: bytes) -> Files:
        return without_top_folder(unpack(packed, self._limits))


def chart_remote(source: ChartRef, asking: Asking) -> Remote:
    """Return what keeps the chart of ``source``.

    Raises:
        VersionRefusedError: it names no chart and version.
        AddressRefusedError: the repository must not be asked.
    """
    if not (source.chart and source.version):
        message = f"{source.text[:80]!r} names no chart and version"
        raise VersionRefusedError(message, remedy="A source of charts has chart and version.")
    if source.repo.startswith(OCI):
        repository = repository_at(chart_in(source.repo, source.chart), asking)
        return OciRemote(repository, Wanted(lambda _: _tag_of(source, repository), is_chart=True), asking.limits)
    address = chart_repository(source.repo, asking.plain_http)
    charts = ChartRepository(asking.web, address, asking.credential)
    return ChartRemote(charts, source, asking.folder / "index.json", asking.limits)


def _tag_of(source: ChartRef, repository: OciRepository) -> str:
    """Return the tag of the version that a source means; a tag cannot hold the plus of a version."""
    if is_version(source.version):
        return source.version.replace("+", "_")
    tags = {tag.replace("_", "+"): tag for tag in repository.tags()}
    return tags[highest(tags, source.version, where=repository.where)]
