"""How much of a stranger's YAML is looked at."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """Bounds of one text; each breach is a fault.

    Attributes:
        max_bytes: size of the text.
        max_documents: documents in it.
        max_nodes: scalars, mappings and lists in it; an alias counts as all that it repeats.
        max_depth: nesting, also through aliases.
    """

    max_bytes: int
    max_documents: int
    max_nodes: int
    max_depth: int


REGISTRY_LIMITS = YamlLimits(max_bytes=MEBIBYTE, max_documents=50_000, max_nodes=100_000, max_depth=100)
MANIFEST_LIMITS = YamlLimits(max_bytes=16 * MEBIBYTE, max_documents=50_000, max_nodes=2_000_000, max_depth=100)
