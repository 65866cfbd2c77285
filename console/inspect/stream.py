"""Manifests as a YAML stream that kubectl and a worker read back as the very same values. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.yaml import dump
from workers.public.rendering import Sourced


def stream(objects: Iterable[Sourced]) -> str:
    """Return the objects as YAML documents in their order, each with a comment that says where it came from."""
    return "".join(f"---\n# Source: {_line(item.origin)}\n{dump(item.manifest)}" for item in objects)


def _line(origin: str) -> str:
    """Return where an object came from on one line: a file's name may hold anything."""
    return origin if origin.isprintable() else ascii(origin)[1:-1]
