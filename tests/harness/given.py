"""A credentials provider in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import yaml


class Given:
    """A credentials provider that holds one kubeconfig; it may be replaced, as by a rotation."""

    def __init__(self, kubeconfig: bytes) -> None:
        self.kubeconfig = kubeconfig
        self.asked = 0

    @classmethod
    def of(cls, kubeconfig: Mapping[str, Any]) -> Self:
        """Return the provider of a kubeconfig that is not a text yet."""
        return cls(yaml.safe_dump(dict(kubeconfig)).encode())

    def get(self, ref: str) -> dict[str, bytes]:
        """Return it, whatever the reference."""
        assert ref
        self.asked += 1
        return {"kubeconfig": self.kubeconfig}
