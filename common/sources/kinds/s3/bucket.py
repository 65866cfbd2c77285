"""Asks one bucket what it holds, and for its objects.

Redirects are not followed: a signature holds for one server alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from common.clock import Clock, SystemClock
from common.credentials import Credential, CredentialsRefusedError
from common.domain.errors import FlotillaError, TransientError
from common.sources.artifacts.addresses import Address
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    DigestMismatchError,
    DownloadTooLargeError,
)
from common.sources.artifacts.web import Answer, Web, refusal
from common.sources.kinds.s3.listing import Entry, ListingError, read_page
from common.sources.kinds.s3.signing import Keys, quoted_path, quoted_query, signed

_MEBIBYTE = 1 << 20
_A_PAGE = 1_000
_MD5 = re.compile(r'"[0-9a-f]{32}"')
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,4096}")
_ACCESS = re.compile(r"[A-Za-z0-9_.+=@-]{1,128}")
_WITHOUT_MD5 = frozenset({"aws:kms", "aws:kms:dsse"})
_CUSTOMERS = "x-amz-server-side-encryption-customer-algorithm"
_REDIRECTS = range(300, 400)
_CHANGED = 412


class BucketChangedError(TransientError):
    """An object changed between the list and its download."""

    code: ClassVar[str] = "s3.changed"


class Bucket:
    """One bucket. Used by one thread.

    Args:
        web: asks.
        server: address of the endpoint.
        name: of the bucket.
        region: that requests are signed for.
        keys: who signs; None for anonymous.
        clock: dates signatures.
    """

    def __init__(
        self, web: Web, server: Address, name: str, *, region: str, keys: Keys | None, clock: Clock | None = None
    ) -> None:
        self._web = web
        self._server = server
        self._name = name
        self._region = region
        self._keys = keys
        self._clock = clock or SystemClock()
        self.where = f"{server.origin}/{name}"
        """For messages."""

    def present(self, prefix: str, *, limit: int) -> Iterator[Entry]:
        """Yield the objects whose keys begin with ``prefix``.

        Raises:
            ArtifactMissingError, ArtifactUnauthorisedError: the server does not show the bucket.
            AnswerRefusedError: it answers with something else than a list, or lists what was not asked for.
            DownloadTooLargeError: there are more than ``limit``.
            TransientError: the server cannot be asked now.
        """
        return self._listed({"list-type": "2"}, "ListBucketResult", prefix, limit)

    def history(self, prefix: str, *, limit: int) -> Iterator[Entry]:
        """Yield the versions of those objects, of each key the newest first; raises as ``present``."""
        return self._listed({"versions": ""}, "ListVersionsResult", prefix, limit)

    def content(self, entry: Entry) -> bytes:
        """Return the bytes of one object, or of one version of it.

        Raises:
            BucketChangedError: it is not there as it was listed.
            DigestMismatchError: it is not what its size or its ETag says.
            FlotillaError: as ``present``.
        """
        query = {"versionId": entry.version} if entry.version else {}
        answer = self._asked(entry.key, query, {"If-Match": entry.etag}, limit=max(entry.size, 1))
        if answer.status in {_CHANGED, 404}:
            raise self._changed(entry)
        if answer.status != 200:
            raise self._refusal(answer, f"the object {entry.key[:200]!r}")
        if answer.headers.get("ETag", entry.etag).strip('"') != entry.etag.strip('"'):
            raise self._changed(entry)
        self._check(entry, answer)
        return answer.content

    def _check(self, entry: Entry, answer: Answer) -> None:
        """Return if a body is what its entry says; an ETag is its MD5 unless it was put together or encrypted."""
        headers, content = answer.headers, answer.content
        sealed = headers.get("x-amz-server-side-encryption", "") in _WITHOUT_MD5 or _CUSTOMERS in headers
        md5 = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        if len(content) != entry.size:
            said, found = f"{entry.size:,} bytes", f"{len(content):,}"
        elif _MD5.fullmatch(entry.etag) and not sealed and md5 != entry.etag:
            said, found = f"the MD5 {entry.etag}", md5
        else:
            return
        message = f"{self.where}: {entry.key[:200]!r} should have {said} and has {found}"
        remedy = "Somebody changed it on the way or in the bucket: find out who, or upload it again."
        raise DigestMismatchError(message, remedy=remedy)

    def _changed(self, entry: Entry) -> BucketChangedError:
        message = f"{self.where}: {entry.key[:200]!r} changed while the folder was read"
        return BucketChangedError(message, remedy="It is tried again.")

    def _listed(self, what: Mapping[str, str], root: str, prefix: str, limit: int) -> Iterator[Entry]:
        asked = {**what, "encoding-type": "url", "max-keys": str(_A_PAGE), **({"prefix": prefix} if prefix else {})}
        more: Mapping[str, str] = {}
        count = 0
        for _ in range(limit // _A_PAGE + 2):
            answer = self._asked("", {**asked, **more}, {}, limit=8 * _MEBIBYTE)
            if answer.status != 200:
                raise self._refusal(answer, "the list of its objects")
            try:
                page = read_page(answer.content, (root,))
            except ListingError as error:
                message = f"{self.where} does not answer as an S3 server does: {error}"
                raise AnswerRefusedError(message, remedy="Check the source's endpoint.") from error
            for entry in page.entries:
                if not entry.key.startswith(prefix):
                    message = f"{self.where} lists {entry.key[:200]!r}, which was not asked for"
                    raise AnswerRefusedError(message, remedy="Check the source's endpoint.")
                count += 1
                if count > limit:
                    break
                yield entry
            if count > limit or not page.more:
                break
            more = page.more
        else:
            count = limit + 1
        if count > limit:
            message = f"{self.where} lists more than {limit:,} objects"
            raise DownloadTooLargeError(message, remedy="Name a smaller folder as prefix.")

    def _asked(self, key: str, query: Mapping[str, str], headers: Mapping[str, str], *, limit: int) -> Answer:
        asked = quoted_query(query)
        target = f"{quoted_path(self._name, key)}{f'?{asked}' if asked else ''}"
        address = self._server.exactly(target)
        proof: dict[str, str] = {}
        if self._keys is not None:
            host = address.url.netloc.decode("ascii")
            proof = signed(self._keys, host=host, target=target, region=self._region, now=self._clock.now())
        return self._web.once(address, {**headers, **proof}, limit=limit)

    def _refusal(self, answer: Answer, what: str) -> FlotillaError:
        region = answer.headers.get("x-amz-bucket-region", "")
        if answer.status in _REDIRECTS or (answer.status == 400 and region):
            elsewhere = f"; it says that the bucket is in {region[:40]!r}" if region else ""
            message = f"{answer.address} answers {answer.status} for {what}{elsewhere}"
            return AddressRefusedError(message, remedy="Write the bucket's own endpoint and region into the registry.")
        return refusal(answer, what=what)


def keys_from(credential: Credential, *, where: str) -> Keys | None:
    """Return the keys that sign requests; None for requests that are not signed.

    They are ``access-key``, ``secret-key`` and, where they are short-lived, ``session-token``.

    Raises:
        CredentialsRefusedError: they do not fit.
    """
    if set(credential) <= {"ca.crt"}:
        return None
    parts = [
        credential.get(key, b"").decode("latin-1").strip() for key in ("access-key", "secret-key", "session-token")
    ]
    access, secret, token = parts
    fitting = _ACCESS.fullmatch(access) and _PRINTABLE.fullmatch(secret)
    if not fitting or (token and _PRINTABLE.fullmatch(token) is None):
        message = f"the credentials for {where} lack an access key or a secret key, or these are not plain"
        raise CredentialsRefusedError(message, remedy="Store access-key and secret-key under the reference.")
    return Keys(access, secret, token)
