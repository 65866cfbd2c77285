"""Reads charts from a chart repository over HTTP: its index, and the archives that the index names.

Format: https://helm.sh/docs/topics/chart_repository.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from common.credentials import Credential
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.faults import (
    AnswerRefusedError,
    ArtifactMissingError,
    DigestMismatchError,
)
from common.sources.artifacts.web import Web, basic, refusal
from common.yaml import YamlError, YamlLimits, load_documents

_MEBIBYTE = 1 << 20
_LIMITS = YamlLimits(max_bytes=50 * _MEBIBYTE, max_documents=1, max_nodes=5_000_000, max_depth=50)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ChartVersion:
    """One version of a chart.

    Attributes:
        digest: sha256 (hex) of its archive; empty where the index does not say.
        url: of the archive, as the index spells it.
    """

    version: str
    digest: str
    url: str


@dataclass(frozen=True, slots=True)
class Index:
    """A repository's index, cut down to what is needed, with what the server called this state of it."""

    etag: str = ""
    modified: str = ""
    charts: Mapping[str, tuple[ChartVersion, ...]] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return it for ``from_json``."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Index:
        """Return the index that ``to_json`` wrote.

        Raises:
            ValueError, KeyError, TypeError: the text is something else.
        """
        said = orjson.loads(text)
        charts = {name: tuple(ChartVersion(**each) for each in found) for name, found in said["charts"].items()}
        return cls(said["etag"], said["modified"], charts)


class ChartRepository:
    """One chart repository. Used by one thread.

    Args:
        web: asks.
        address: of the folder that holds ``index.yaml``.
        credential: goes to this server alone, not to another that the index names.
    """

    def __init__(self, web: Web, address: Address, credential: Credential) -> None:
        self._web = web
        self._address = address
        self._basic = basic(credential, where=address.origin)

    def index(self, known: Index | None) -> Index:
        """Return the repository's index; ``known`` itself if the server says that it did not change.

        Raises:
            ArtifactMissingError, ArtifactUnauthorisedError: the server does not show it.
            AnswerRefusedError, DownloadTooLargeError: it is not an index, or too large.
            TransientError: the server cannot be asked now.
        """
        address = self._address.below("index.yaml")
        headers = {}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        answer = self._web.get(address, limit=_LIMITS.max_bytes, headers=headers, authorization=self._basic)
        if answer.status == 304 and known is not None:
            return known
        if answer.status != 200:
            raise refusal(answer, what="the index of charts")
        charts = parse_index(answer.content, where=str(address))
        return Index(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""), charts)

    def archive(self, chart: ChartVersion, *, limit: int) -> bytes:
        """Return the archive of one version.

        Raises:
            AddressRefusedError: the index names an address that must not be asked.
            DigestMismatchError: it is not what the index says.
            FlotillaError: as ``index``.
        """
        address = self._address.below("").linked(chart.url)
        own = self._basic if address.origin == self._address.origin else ""
        answer = self._web.get(address, limit=limit, authorization=own)
        if answer.status != 200:
            raise refusal(answer, what="a chart's archive")
        digest = hashlib.sha256(answer.content).hexdigest()
        if chart.digest not in {"", digest}:
            message = f"{address} should have sha256:{chart.digest} and has sha256:{digest}"
            raise DigestMismatchError(message, remedy="Somebody changed the archive or the index: find out who.")
        return answer.content


def parse_index(content: bytes, *, where: str) -> dict[str, tuple[ChartVersion, ...]]:
    """Return the versions of each chart in an index; one that is malformed is left out, as Helm does.

    Raises:
        AnswerRefusedError: it is no index.
    """
    try:
        documents = load_documents(content, _LIMITS)
    except YamlError as error:
        message = f"{where} is no index of charts: {error.message[:300]}"
        raise AnswerRefusedError(message, remedy="Build it with helm repo index.") from error
    value = documents[0].value if documents else None
    entries = value.get("entries") if isinstance(value, dict) else None
    if not isinstance(entries, dict):
        message = f"{where} is no index of charts: it has no entries"
        raise AnswerRefusedError(message, remedy="Check the address, or build the index with helm repo index.")
    return {
        name: tuple(found for item in items if (found := _version(item)) is not None)
        for name, items in entries.items()
        if isinstance(items, list)
    }


def _version(item: Any) -> ChartVersion | None:
    if not isinstance(item, dict):
        return None
    version, urls, digest = item.get("version"), item.get("urls"), item.get("digest")
    if not isinstance(version, str) or not isinstance(urls, list) or not urls or not isinstance(urls[0], str):
        return None
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None and not (digest is None or digest == ""):
        return None
    return ChartVersion(version, match[1] if match else "", urls[0])


def versions_of(index: Index, chart: str, *, where: str) -> tuple[ChartVersion, ...]:
    """Return the versions of ``chart``.

    Raises:
        ArtifactMissingError: the index has none of that name.
    """
    found = index.charts.get(chart)
    if not found:
        message = f"{where} has no chart {chart}"
        raise ArtifactMissingError(message, remedy="Correct the name, or publish the chart.")
    return found
