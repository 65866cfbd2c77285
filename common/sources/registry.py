"""The registry's repository, as the scheduler reads it."""

from __future__ import annotations

from collections.abc import Mapping

from common.domain.refs import SourceRef
from common.registry import is_registry_file
from common.settings import Settings
from common.sources.credentials import provider_from
from common.sources.mirrors import Mirrors, mirrors_from


class GitRepository:
    """Reads a registry out of a mirror.

    Args:
        mirrors: of this machine.
    """

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    @classmethod
    def from_settings(cls, settings: Settings) -> GitRepository:
        """Return a reader with this machine's mirrors and credentials."""
        return cls(mirrors_from(settings, provider_from(settings)))

    def head(self, source: SourceRef) -> str:
        """Return the commit that the ref is at now, fetched; raises as ``Mirrors.fetch``."""
        return self._mirrors.fetch(source).commit

    def files(self, source: SourceRef, commit: str, folder: str) -> Mapping[str, bytes]:
        """Return the registry files below ``folder`` by path from there; links are left out. Raises as ``head``."""
        tree = self._mirrors.tree(source, commit)
        prefix = f"{folder}/" if folder not in {"", "."} else ""
        paths = [entry.path for entry in tree.list(folder or ".") if not (entry.is_link or entry.is_folder)]
        wanted = [path for path in paths if is_registry_file(path.removeprefix(prefix))]
        return {path.removeprefix(prefix): content for path, content in tree.read_many(wanted).items()}
