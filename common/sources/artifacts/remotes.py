"""Which artifact a source means now, whatever kind of server keeps it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from common.domain.refs import CHART, OCI_DIGEST, OCI_SEMVER, OCI_TAG
from common.semver import Partial, RangeError, VersionRange, is_version
from common.sources.artifacts.archives import ArchiveLimits, Files, unpack, without_top_folder
from common.sources.artifacts.charts import ChartRepository, ChartVersion, Index, no_version, versions_of
from common.sources.artifacts.faults import MediaTypeRefusedError, VersionRefusedError
from common.sources.artifacts.oci import CHART as CHART_LAYER
from common.sources.artifacts.oci import Artifact, OciRepository


@dataclass(frozen=True, slots=True)
class Found:
    """One artifact.

    Attributes:
        commit: sha256 (hex) that names it for ever: of its manifest in a registry, else of its archive.
        files: downloads and unpacks it, and returns what it holds.
    """

    commit: str
    files: Callable[[], Files] = field(repr=False)


class Remote(Protocol):
    """What keeps the artifacts of one source."""

    def wanted(self, ref: str) -> Found:
        """Return what a source's ref means now."""
        ...

    def exact(self, ref: str, commit: str) -> Found:
        """Return the artifact that was ``commit``, for a source that follows ``ref``."""
        ...


class OciRemote:
    """Manifests, or a chart, in a repository of a registry."""

    def __init__(self, repository: OciRepository, limits: ArchiveLimits) -> None:
        self._repository = repository
        self._limits = limits

    def wanted(self, ref: str) -> Found:
        """Return what a tag, a range, a digest, or a chart's version means; raises as ``OciRepository``."""
        if ref.startswith(OCI_TAG):
            reference = ref.removeprefix(OCI_TAG)
        elif ref.startswith(OCI_DIGEST):
            reference = ref.removeprefix(OCI_DIGEST)
        elif ref.startswith(OCI_SEMVER):
            reference = _highest(self._repository.tags(), ref.removeprefix(OCI_SEMVER), where=self._repository.where)
        else:
            reference = self._tag_of_chart(chart_and_version(ref)[1])
        return self._found(ref, reference)

    def exact(self, ref: str, commit: str) -> Found:
        """Return the artifact of a manifest's digest; raises as ``OciRepository``."""
        return self._found(ref, f"sha256:{commit}")

    def _tag_of_chart(self, version: str) -> str:
        if is_version(version):
            return version.replace("+", "_")
        # a tag cannot hold the plus of a version
        tags = {tag.replace("_", "+"): tag for tag in self._repository.tags()}
        return tags[_highest(tags, version, where=self._repository.where)]

    def _found(self, ref: str, reference: str) -> Found:
        artifact = self._repository.artifact(reference)
        if ref.startswith(CHART) and artifact.layer.media_type != CHART_LAYER:
            message = f"{reference} is {artifact.layer.media_type[:100]}, not a chart"
            raise MediaTypeRefusedError(message, remedy="Push it with helm push, or make it an oci source.")
        return Found(artifact.digest.removeprefix("sha256:"), lambda: self._files(artifact))

    def _files(self, artifact: Artifact) -> Files:
        packed = self._repository.content(artifact.layer, limit=self._limits.max_packed)
        files = unpack(packed, self._limits)
        return without_top_folder(files) if artifact.layer.media_type == CHART_LAYER else files


class ChartRemote:
    """Charts in a chart repository.

    Args:
        repository: asks the server.
        where: its URL, for messages.
        kept: file that keeps the index between looks.
        limits: of archives.
    """

    def __init__(self, repository: ChartRepository, where: str, kept: Path, limits: ArchiveLimits) -> None:
        self._repository = repository
        self._where = where
        self._kept = kept
        self._limits = limits

    def wanted(self, ref: str) -> Found:
        """Return what a version or range of a chart means; raises as ``ChartRepository``."""
        chart, wanted = chart_and_version(ref)
        versions = {each.version: each for each in reversed(self._versions(chart))}
        if wanted in versions:
            return self._found(versions[wanted])
        if "+" in wanted:  # what comes after it is no matter of ranges
            raise no_version(self._where, f"{chart} {wanted}")
        where = f"{self._where}: chart {chart}"
        return self._found(versions[_highest(versions, wanted, where=where, partial=Partial.ALIKE)])

    def exact(self, ref: str, commit: str) -> Found:
        """Return the version whose archive has that digest; raises as ``ChartRepository``."""
        chart, _ = chart_and_version(ref)
        for each in self._versions(chart):
            if each.digest == commit:
                return self._found(each)
        found = self.wanted(ref)
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
            return Found(chart.digest, lambda: self._files(self._archive(chart)))
        # an index that names no digests: only the archive itself tells whether it changed
        packed = self._archive(chart)
        return Found(hashlib.sha256(packed).hexdigest(), lambda: self._files(packed))

    def _archive(self, chart: ChartVersion) -> bytes:
        return self._repository.archive(chart, limit=self._limits.max_packed)

    def _files(self, packed: bytes) -> Files:
        return without_top_folder(unpack(packed, self._limits))


def chart_and_version(ref: str) -> tuple[str, str]:
    """Return the name and the version or range that ``chart:NAME:VERSION`` holds.

    Raises:
        VersionRefusedError: it has another form.
    """
    chart, colon, version = ref.removeprefix(CHART).partition(":")
    if not (ref.startswith(CHART) and chart and colon and version):
        message = f"{ref[:80]!r} names no chart and version"
        raise VersionRefusedError(message, remedy="A source of charts has chart and version.")
    return chart, version


def _highest(versions: Iterable[str], text: str, *, where: str, partial: Partial = Partial.LAST) -> str:
    try:
        found = VersionRange(text).highest(versions, partial=partial)
    except RangeError as error:
        raise VersionRefusedError(str(error), remedy="Write it as in '>=1.8 <2' or '^1.2'.") from error
    if found is None:
        wanted = f"version in {text}"
        raise no_version(where, wanted)
    return found
