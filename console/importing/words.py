"""How the registry writes what other tools write otherwise."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from common.domain.refs import DNS_LABEL

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
_RANGE = re.compile(r"[<>=^~*|]|(^|\.)x\b|\s-\s")
_SCP = re.compile(r"(?P<user>[^@/:]+)@(?P<host>[^:/]+):(?!//)(?P<path>.+)")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?")
_UNFIT = re.compile(r"[^a-z0-9-]+")
_LONGEST = 63


def name_of(*parts: str) -> str:
    """Return a name that the registry takes, as near to the joined ``parts`` as may be."""
    text = _UNFIT.sub("-", "-".join(parts).lower()).strip("-")[:_LONGEST].strip("-")
    return text if DNS_LABEL.fullmatch(text) else "unnamed"


def git_url(url: str) -> str:
    """Return a Git URL with its scheme: ``git@HOST:PATH`` is ssh."""
    match = _SCP.fullmatch(url)
    return url if match is None else f"ssh://{match['user']}@{match['host']}/{match['path'].lstrip('/')}"


def git_ref(text: str) -> dict[str, str]:
    """Return what a revision, written as one word, most likely means."""
    for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if text.startswith(prefix):
            return {kind: text.removeprefix(prefix)}
    if _COMMIT.fullmatch(text):
        return {"commit": text}
    if _RANGE.search(text):
        return {"semver": text}
    return {"tag": text} if _VERSION.fullmatch(text) else {"branch": text}


def folder(path: str) -> str:
    """Return a folder as the registry writes it: from the root, without ``./``."""
    return posixpath.normpath(path.strip("/") or ".")


def beside(path: str, inner: str) -> str:
    """Return the folder that ``inner``, written in ``path``, means, from the root."""
    return posixpath.normpath(posixpath.join(folder(path), inner))


def duration(text: Any) -> str | None:
    """Return a duration of Go (``1h0m0s``) as the registry writes it; None where it cannot, or is nothing."""
    match = _DURATION.fullmatch(str(text))
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not total:
        return None
    sizes = (("h", total // 3600), ("m", total // 60 % 60), ("s", total % 60))
    return "".join(f"{count}{unit}" for unit, count in sizes if count)


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that say something."""
    return {key: value for key, value in values.items() if value is not None and value not in ({}, [], "")}
