"""Reads artifacts from an OCI registry.

Protocol: the OCI distribution specification 1.1, with the token service that Docker's registries name in their
challenges.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from common.credentials import Credential
from common.domain.errors import FlotillaError
from common.domain.refs import is_oci_digest, is_oci_tag
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArtifactMissingError,
    ArtifactUnauthorisedError,
    DigestMismatchError,
    DownloadTooLargeError,
    MediaTypeRefusedError,
    VersionMissingError,
    VersionRefusedError,
)
from common.sources.artifacts.web import Answer, Web, basic, refusal

CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
_ARCHIVE = re.compile(r"application/[A-Za-z0-9._-]+(\.tar\.gzip|\.tar\+gzip|\.v1\.tar\+gzip)")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKERS = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKERS_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPTED = ", ".join((_MANIFEST, _DOCKERS, _INDEX, _DOCKERS_INDEX))
_CHALLENGE = re.compile(r'(?<!\w)(\w++)="([^"\r\n]*+)"')
_NEXT = re.compile(r'<([^<>]*+)>\s*+;\s*+rel="?next"?')
_MEBIBYTE = 1 << 20
_TAGS_A_PAGE = "1000"
_MOST_PAGES = 50
_LOOK_AT_IT = "See what is in the registry; push one archive of manifests, or a chart."


@dataclass(frozen=True, slots=True)
class Layer:
    """The archive of an artifact."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """One manifest of a repository; ``digest`` is ``sha256:…`` over its bytes."""

    digest: str
    layer: Layer


class OciRepository:
    """One repository of a registry. Used by one thread.

    Args:
        web: asks.
        registry: address of its API, which ends in ``/v2/``.
        name: of the repository there.
        credential: to sign in with where the registry wants it; empty for anonymous.
    """

    def __init__(self, web: Web, registry: Address, name: str, credential: Credential) -> None:
        self._web = web
        self._registry = registry
        self._name = name
        self._basic = basic(credential, where=registry.origin)
        self._authorization = ""
        self.where = f"{registry.origin}/{name}"
        """For messages."""

    def tags(self) -> Iterator[str]:
        """Yield the repository's tags, page by page.

        Raises:
            FlotillaError: as ``artifact``; ``DownloadTooLargeError`` for too many pages.
        """
        listing = self._registry.below(f"{self._name}/tags/list")
        page: Address | None = listing.asking(n=_TAGS_A_PAGE)
        for _ in range(_MOST_PAGES):
            if page is None:
                return
            answer = self._asked(page, limit=4 * _MEBIBYTE, what="tags")
            tags = _parsed(answer).get("tags") or []
            if not isinstance(tags, list):
                raise _malformed(answer)
            yield from (tag for tag in tags if isinstance(tag, str))
            page = _next_page(answer, listing)
        message = f"{listing} lists more than {_MOST_PAGES} pages of tags"
        raise DownloadTooLargeError(message, remedy="Name a tag or a digest instead of a range.")

    def artifact(self, reference: str) -> Artifact:
        """Return what a tag or a digest names now.

        Raises:
            VersionRefusedError: it is neither.
            VersionMissingError: there is no such tag or digest.
            ArtifactMissingError, ArtifactUnauthorisedError: the registry does not show the repository.
            MediaTypeRefusedError: it is an index, or does not hold one archive.
            DigestMismatchError: the manifest is not what the digest names.
            AnswerRefusedError, DownloadTooLargeError: the registry says something else than a manifest.
            TransientError: the registry cannot be asked now.
        """
        if not (is_oci_tag(reference) or is_oci_digest(reference)):
            message = f"{reference[:80]!r} is neither a tag nor a digest"
            raise VersionRefusedError(message, remedy="Tags have at most 128 letters, digits and ._-")
        address = self._registry.below(f"{self._name}/manifests/{reference}")
        try:
            answer = self._asked(address, limit=4 * _MEBIBYTE, what="the artifact", accept=_ACCEPTED)
        except ArtifactMissingError as error:
            message = f"{self.where} has no {reference}, or hides it from this account"
            raise VersionMissingError(message, remedy="Push it, or correct the source's ref.") from error
        digest = _digest_of(answer.content)
        for said in (reference if is_oci_digest(reference) else "", answer.headers.get("Docker-Content-Digest")):
            if said and said != digest:
                raise _mismatch(answer.address, said, digest)
        return Artifact(digest, _layer(_parsed(answer), answer))

    def content(self, layer: Layer, *, limit: int) -> bytes:
        """Return a layer's bytes.

        Raises:
            DigestMismatchError: they are not what its digest and size say.
            DownloadTooLargeError: there are more than ``limit``.
            FlotillaError: as ``artifact``.
        """
        address = self._registry.below(f"{self._name}/blobs/{layer.digest}")
        if layer.size > limit:
            message = f"{address} has {layer.size:,} bytes; the limit is {limit:,}"
            raise DownloadTooLargeError(message, remedy="Put less into one artifact.")
        answer = self._asked(address, limit=limit, what="the artifact's archive")
        digest = _digest_of(answer.content)
        if digest != layer.digest or len(answer.content) != layer.size:
            raise _mismatch(address, layer.digest, digest)
        return answer.content

    def _asked(self, address: Address, *, limit: int, what: str, accept: str = "*/*") -> Answer:
        headers = {"Accept": accept}
        answer = self._web.get(address, limit=limit, headers=headers, authorization=self._authorization)
        if answer.status == 401 and answer.address.origin == self._registry.origin:
            self._authorization = self._signed_in(answer)
            answer = self._web.get(address, limit=limit, headers=headers, authorization=self._authorization)
        if answer.status != 200:
            raise refusal(answer, what=f"{what} of {self._name}")
        return answer

    def _signed_in(self, answer: Answer) -> str:
        """Return the header that a challenge asks for."""
        challenges = answer.headers.get_list("WWW-Authenticate")
        for challenge in challenges:
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "bearer":
                return self._token(answer, dict(_CHALLENGE.findall(rest)))
        if self._basic and any(challenge.lower().startswith("basic") for challenge in challenges):
            return self._basic
        raise refusal(answer, what=self._name)

    def _token(self, answer: Answer, asked: dict[str, str]) -> str:
        service = {"service": asked["service"]} if "service" in asked else {}
        realm = answer.address.linked(asked.get("realm", ""))
        # what we need, not what the challenge says: a token for more than that is never asked for
        place = realm.asking(scope=f"repository:{self._name}:pull", **service)
        granted = self._web.get(place, limit=_MEBIBYTE, authorization=self._basic)
        if granted.status == 429 or granted.status >= 500:
            raise refusal(granted, what=f"a token to read {self._name}")
        said = _parsed(granted) if granted.status == 200 else {}
        token = said.get("token") or said.get("access_token")
        if not isinstance(token, str) or re.fullmatch(r"[\x21-\x7e]+", token) is None:
            message = f"{realm} gives no token to read {self._name} (it answers {granted.status})"
            remedy = "Check the credentials reference of the source, and what that account may read."
            raise ArtifactUnauthorisedError(message, remedy=remedy)
        return f"Bearer {token}"


def _layer(manifest: dict[str, Any], answer: Answer) -> Layer:
    """Return the one archive that a manifest lists."""
    kind = manifest.get("mediaType") or answer.headers.get("Content-Type", "")
    if kind in {_INDEX, _DOCKERS_INDEX} or "manifests" in manifest:
        message = f"{answer.address} is an index of several artifacts"
        raise MediaTypeRefusedError(message, remedy="Give the digest or tag of one of them; for images there is none.")
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise _malformed(answer)
    held = [layer for layer in layers if layer.get("mediaType") != _PROVENANCE]
    if len(held) != 1:
        message = f"{answer.address} has {len(held)} layers, not one archive"
        raise MediaTypeRefusedError(message, remedy=_LOOK_AT_IT)
    media_type, digest, size = (held[0].get(key) for key in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or _ARCHIVE.fullmatch(media_type) is None:
        message = f"{answer.address} holds {str(media_type)[:100]!r}, not a gzip-compressed tar"
        raise MediaTypeRefusedError(message, remedy=_LOOK_AT_IT)
    if not isinstance(digest, str) or not is_oci_digest(digest) or not isinstance(size, int) or size < 0:
        raise _malformed(answer)
    return Layer(media_type, digest, size)


def _parsed(answer: Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except ValueError as error:
        raise _malformed(answer) from error
    if not isinstance(found, dict):
        raise _malformed(answer)
    return found


def _next_page(answer: Answer, listing: Address) -> Address | None:
    match = _NEXT.search(answer.headers.get("Link", ""))
    if match is None:
        return None
    page = answer.address.linked(match[1])
    if str(page) != str(listing):
        message = f"{listing} continues elsewhere, at {page}"
        raise AddressRefusedError(message, remedy="A list of tags has all its pages at one address.")
    return page


def _digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _mismatch(where: Address, said: str, found: str) -> DigestMismatchError:
    message = f"{where} should have {said[:80]} and has {found}"
    return DigestMismatchError(message, remedy="Somebody changed it on the way or in the registry: find out who.")


def _malformed(answer: Answer) -> FlotillaError:
    message = f"{answer.address} does not answer as an OCI registry does"
    return AnswerRefusedError(message, remedy="Check the source's address.")
