"""Manifests as a YAML stream that kubectl and a worker read back as the very same values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from workers.render.manifests import Sourced


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML takes for something else, and never writes an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


# PyYAML reads ``1e3`` and ``0o17`` as texts, kubectl as numbers.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+\Z|[-+]?0[oO][0-7]+\Z"), list("-+.0123456789")
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), list("yYnN"))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Lines as lines: a ConfigMap's file stays readable. Where that cannot be, the emitter quotes by itself.
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def stream(objects: Iterable[Sourced]) -> str:
    """Return the objects as YAML documents in their order, each with a comment that says where it came from."""
    return "".join(f"---\n# Source: {_line(item.origin)}\n{dumped(item.manifest)}" for item in objects)


def dumped(manifest: Mapping[str, Any]) -> str:
    """Return one object as YAML, its keys in their order."""
    text = yaml.dump(dict(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return str(text)


def _line(origin: str) -> str:
    """Return where an object came from on one line: a file's name may hold anything."""
    return origin if origin.isprintable() else ascii(origin)[1:-1]
