"""Takes secrets out of texts and objects before they reach a log, a row or a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "[redacted]"
_URL_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]+@")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|private-token)\b(\s*[:=]\s*)(bearer |basic )?[^\s,;'\"]+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_OBJECT = r"(?!(?-i:(?<=/)Secret:[a-z0-9-]*/))"
"""Not where an object is named, as ``/Secret:default/web``: which Secret it is about a person has to be told."""
_NAME = r"(password|passwd|token|secret|api[-_]?key|client[-_]?secret)"
_PAIR = re.compile(rf"(?i)\b{_OBJECT}{_NAME}(\"?\s*[:=]\s*\"?)[^\s\"',;&]+")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_SECRET_FIELDS = ("data", "stringData")


def redacted(text: str) -> str:
    """Return ``text`` with URL credentials, authorization headers, key=value secrets and private keys masked."""
    text = _PEM.sub(MASK, text)
    text = _URL_USERINFO.sub(rf"\g<scheme>{MASK}@", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    return _PAIR.sub(rf"\1\2{MASK}", text)


def redacted_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a Kubernetes object in which the values of a Secret are masked; other kinds are unchanged."""
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
        return dict(manifest)
    masked = {f: dict.fromkeys(manifest[f], MASK) for f in _SECRET_FIELDS if isinstance(manifest.get(f), Mapping)}
    return {**manifest, **masked}
