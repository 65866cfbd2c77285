"""How the registry writes what other tools write otherwise."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from common.domain.refs import DNS_LABEL

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT_COMMIT = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{7,39}")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
_RANGE = re.compile(r"[<>=^~*|]|(^|\.)x\b|\s-\s")
_SCP = re.compile(r"(?P<user>[^@/:]+)@(?P<host>[^:/]+):(?!//)(?P<path>.+)")
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?s)?")
_UNFIT = re.compile(r"[^a-z0-9-]+")
_LONGEST = 63
_LONGEST_SECONDS = 366 * 86_400


def name_of(*parts: str, ending: str = "") -> str:
    """Return a name that the registry takes, as near to the joined ``parts`` as may be; it ends with ``ending``."""
    longest = _LONGEST - len(ending) - 1 if ending else _LONGEST
    text = _UNFIT.sub("-", "-".join(parts).lower()).strip("-")[:longest].strip("-")
    text = text if DNS_LABEL.fullmatch(text) else "unnamed"
    return f"{text}-{ending}" if ending else text


def with_article(kind: str) -> str:
    """Return a kind of objects as a sentence names one of them."""
    return f"{'an' if kind[:1] in tuple('AEIOU') else 'a'} {kind}"


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


def is_short_commit(text: str) -> bool:
    """Tell whether a revision looks like the beginning of a commit's id."""
    return _SHORT_COMMIT.fullmatch(text) is not None


def chart_in(repo: str, name: str) -> tuple[str, str]:
    """Return a repository of charts and the name of one, where the name may begin with a part of the repository's.

    In an OCI registry the two joined are the repository of the chart; where they meet says nothing.
    """
    address = repo.rstrip("/")
    if not address.startswith("oci://"):
        return address, name
    above, _, last = name.strip("/").rpartition("/")
    return (f"{address}/{above}" if above else address), last


def folder(path: str) -> str:
    """Return a folder as the registry writes it: from the root, without ``./``."""
    return posixpath.normpath(path.strip("/") or ".")


def beside(path: str, inner: str) -> str:
    """Return the folder that ``inner``, written in ``path``, means, from the root."""
    return posixpath.normpath(posixpath.join(folder(path), inner))


def duration(text: str) -> str | None:
    """Return a duration of Go (``1h0m0s``) as the registry writes it; None where it cannot, or is nothing."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= _LONGEST_SECONDS:
        return None
    sizes = (("h", total // 3600), ("m", total // 60 % 60), ("s", total % 60))
    return "".join(f"{count}{unit}" for unit, count in sizes if count)


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return values over others, mappings being joined, as Helm joins them."""
    found = dict(below)
    for key, value in above.items():
        under = found.get(key)
        found[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return found


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that say something."""
    return {key: value for key, value in values.items() if value is not None and value not in ({}, [], "")}
