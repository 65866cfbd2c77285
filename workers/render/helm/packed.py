"""Charts packed within charts: unpacked by the strict reader alone, and packed again from what it read.

Helm's own reader takes entries of every type for files, cleans their paths, and lets later ones win. What it is handed
has no such entries, so that nothing is read there that was not looked at here.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from common.domain.errors import PermanentError
from common.sources.artifacts.archives import ArchiveLimits, unpack, without_top_folder
from common.sources.artifacts.faults import ArchiveBombError
from common.sources.artifacts.tar import written
from workers.render.helm.inspected import PACKED, SCHEMA, is_inspected

_TOP = "chart"
"""The folder in an archive; Helm passes over its name."""
_DEEPEST = 4
_ENTRY = 512
"""Bytes that an entry takes besides its content."""

Contents = Mapping[str, bytes | memoryview]


@dataclass(slots=True)
class Unpacking:
    """Takes apart and packs again what is packed in one chart.

    Attributes:
        left: bytes and files that all archives together may still hold.
        schemas: whether charts keep the schemas of their values.
        inspected: what of the archives has to be looked at, by path; grows.
    """

    left: ArchiveLimits
    schemas: bool = True
    inspected: dict[str, bytes | memoryview] = field(default_factory=dict)

    def repacked(self, files: Contents, *, within: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes | memoryview]]:
        """Yield a chart's files as Helm is given them.

        Args:
            files: by path, from the chart's folder on.
            within: the archives that this chart is packed in, outermost first.

        Raises:
            ArchiveBombError: the archives hold too much, or are in each other too deep.
            PermanentError: an archive is refused (``common.sources.artifacts.faults``).
        """
        for path, content in files.items():
            if not self.schemas and SCHEMA.fullmatch(path):
                continue
            place = "/".join((*within, path))
            if PACKED.fullmatch(path):
                inner = self._unpacked(place, content, depth=len(within))
                found = {f"{_TOP}/{name}": text for name, text in self.repacked(inner, within=(*within, path))}
                yield path, gzip.compress(written(found), compresslevel=0, mtime=0)
                continue
            if within and is_inspected(path):
                self.inspected[place] = content
            yield path, content

    def _unpacked(self, place: str, content: bytes | memoryview, *, depth: int) -> Contents:
        if depth > _DEEPEST:
            message = f"{place}: charts packed in charts deeper than {_DEEPEST} levels"
            raise ArchiveBombError(message, remedy="Unpack some of them into folders.")
        try:
            found = without_top_folder(unpack(bytes(content), self.left))
        except PermanentError as error:
            message = f"{place}: {error.message}"
            raise type(error)(message, remedy=error.remedy) from error
        taken = sum(len(text) + _ENTRY for text in found.values())
        self.left = replace(
            self.left,
            max_unpacked=max(0, self.left.max_unpacked - taken),
            max_files=max(0, self.left.max_files - len(found)),
        )
        return found
