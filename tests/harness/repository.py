"""A Git repository that tests commit to and a hub reads over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.git_server import Origin


class Repository(Origin):
    """An origin that several threads commit to, and whose ``.git`` another process serves.

    Args:
        folder: made new.
        url: where it is served.
    """

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url = url
        self._lock = threading.Lock()

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "change") -> str:
        """Write files (None removes one), commit all, and return the commit's id; several threads may."""
        with self._lock:
            return super().commit(files, message)
