"""Which artifact of an OCI registry a source means now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.domain.refs import OciRef, Range
from common.sources.artifacts.addresses import oci_repository
from common.sources.artifacts.archives import ArchiveLimits, Files, unpack, without_top_folder
from common.sources.artifacts.faults import MediaTypeRefusedError
from common.sources.artifacts.remotes import Asking, Found, highest
from common.sources.kinds.oci.repository import CHART, Artifact, OciRepository


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a repository is wanted.

    Attributes:
        reference: the tag or digest that is meant, which the repository may have to be asked for.
        is_chart: whether nothing but a chart will do.
    """

    reference: Callable[[OciRepository], str]
    is_chart: bool = False


class OciRemote:
    """Manifests, or a chart, in a repository of a registry."""

    def __init__(self, repository: OciRepository, wanted: Wanted, limits: ArchiveLimits) -> None:
        self._repository = repository
        self._wanted = wanted
        self._limits = limits

    def wanted(self) -> Found:
        """Return what is wanted now; raises as ``OciRepository``."""
        return self._found(self._wanted.reference(self._repository))

    def exact(self, commit: str) -> Found:
        """Return the artifact of a manifest's digest; raises as ``OciRepository``."""
        return self._found(f"sha256:{commit}")

    def _found(self, reference: str) -> Found:
        artifact = self._repository.artifact(reference)
        if self._wanted.is_chart and artifact.layer.media_type != CHART:
            message = f"{reference} is {artifact.layer.media_type[:100]}, not a chart"
            raise MediaTypeRefusedError(message, remedy="Push it with helm push, or make it an oci source.")
        version = "" if reference.startswith("sha256:") else reference
        return Found(artifact.digest.removeprefix("sha256:"), lambda: self._files(artifact), version)

    def _files(self, artifact: Artifact) -> Files:
        packed = self._repository.content(artifact.layer, limit=self._limits.max_packed)
        files = unpack(packed, self._limits)
        return without_top_folder(files) if artifact.layer.media_type == CHART else files


def repository_at(repo: str, asking: Asking) -> OciRepository:
    """Return the repository that ``repo`` (``oci://HOST/NAME``) names.

    Raises:
        AddressRefusedError: it must not be asked.
    """
    registry, name = oci_repository(repo, asking.plain_http)
    return OciRepository(asking.web, registry, name, asking.credential)


def oci_remote(source: OciRef, asking: Asking) -> OciRemote:
    """Return what keeps the artifacts of ``source``; raises as ``repository_at``."""

    def reference(repository: OciRepository) -> str:
        version = source.version
        if isinstance(version, Range):
            return highest(repository.tags(), version.text, where=repository.where)
        return version

    return OciRemote(repository_at(source.repo, asking), Wanted(reference), asking.limits)
