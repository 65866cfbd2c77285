"""A credentials provider in memory."""

from __future__ import annotations


class Given:
    """A credentials provider that holds one kubeconfig; it may be replaced, as by a rotation."""

    def __init__(self, kubeconfig: bytes) -> None:
        self.kubeconfig = kubeconfig
        self.asked = 0

    def get(self, ref: str) -> dict[str, bytes]:
        """Return it, whatever the reference."""
        assert ref
        self.asked += 1
        return {"kubeconfig": self.kubeconfig}
