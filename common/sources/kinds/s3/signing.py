"""Signs requests as S3 servers want it: AWS Signature Version 4, for requests without a body. Pure.

Rules: "Authenticating Requests (AWS Signature Version 4)" in the API reference of Amazon S3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs."""

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def quoted_path(bucket: str, key: str = "") -> str:
    """Return the path of a bucket or of an object in it, escaped in the one way that is signed."""
    return quote(f"/{bucket}/{key}" if key else f"/{bucket}", safe="/-_.~")


def quoted_query(parameters: Mapping[str, str]) -> str:
    """Return a query, escaped and in the order in which it is signed."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed(keys: Keys, *, host: str, target: str, region: str, now: datetime) -> dict[str, str]:
    """Return the headers of a signed GET.

    Args:
        keys: who signs.
        host: with its port, as the Host header has it.
        target: path and query as ``quoted_path`` and ``quoted_query`` give them.
        region: of the bucket.
        now: aware; servers take a signature for some 15 minutes.
    """
    instant = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{instant[:8]}/{region}/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": _NOTHING, "x-amz-date": instant}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    path, _, query = target.partition("?")
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"GET\n{path}\n{query}\n{lines}\n{names}\n{_NOTHING}"
    text = f"{_ALGORITHM}\n{instant}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    del headers["host"]
    by = f"Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": f"{_ALGORITHM} {by}"}
