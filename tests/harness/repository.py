"""A Git repository that tests commit to and a hub reads over HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

_AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


class Repository:
    """A working copy whose ``.git`` is served.

    Args:
        folder: made new.
        url: where it is served.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._lock = threading.Lock()
        folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Write files (None removes one), commit, and return the commit; several threads may."""
        with self._lock:
            for name, content in files.items():
                path = self.folder / name
                if content is None:
                    path.unlink()
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            self._git("add", "--all")
            self._git(*_AUTHOR, "commit", "--quiet", "--allow-empty", f"--message={message}")
            return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        command = ("git", "-C", str(self.folder), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
