"""``.flotillaignore``: which files of the registry's repository hold no documents of ours. Pure.

Grammar: gitignore(5), one file, at the registry's root, so that no team hides another's documents. Matched by RE2,
whose time grows with the path alone: patterns and paths are written by strangers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import re2  # type: ignore[import-untyped]  # has no stubs
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from common.registry.faults import Fault, FaultScope

FILE = ".flotillaignore"
REMEDY = f"if it is no registry file, list it in {FILE}, or name the registry's own folder by FLOTILLA_REGISTRY_PATH"
_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 64 << 10
_MOST = 1_000
_LONGEST = 512
_BACKEND = "re2"


@dataclass(frozen=True, slots=True)
class Ignored:
    """What an ignore file says.

    Attributes:
        faults: of the file; while it has any, the commit is refused, since they decide which documents there are.
    """

    faults: tuple[Fault, ...] = ()
    _spec: GitIgnoreSpec | None = field(default=None, repr=False)

    def __contains__(self, path: str) -> bool:
        """Tell whether a file, by its path from the registry's root, is left out."""
        if self._spec is None:
            return False
        # what is no UTF-8 cannot be written in a pattern
        return self._spec.match_file(path.encode(errors="surrogateescape").decode(errors="replace"))


def is_registry_file(path: str) -> bool:
    """Tell whether a file is read: YAML or JSON, and neither hidden nor in a hidden folder."""
    return path.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))


def wanted(paths: Iterable[str], content: bytes | None) -> tuple[str, ...]:
    """Return which of a registry's files are to be read: the ignore file itself, and what it does not leave out.

    Args:
        paths: of all files, from the registry's root.
        content: of the ignore file; None where there is none.
    """
    ignored = read(content)
    return tuple(path for path in paths if path == FILE or (is_registry_file(path) and path not in ignored))


def ignored_by(files: Mapping[str, bytes]) -> Ignored:
    """Return what the ignore file among a registry's files says."""
    return read(files.get(FILE))


def read(content: bytes | None) -> Ignored:
    """Return what the content of an ignore file says."""
    if content is None:
        return Ignored()
    if len(content) > _LARGEST:
        return _faulty(1, f"the file is larger than {_LARGEST:,} bytes", "ignore folders instead of files")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return _faulty(1, "the file is not UTF-8", "save it as UTF-8")
    if len(lines) > _MOST:
        return _faulty(_MOST + 1, f"the file has more than {_MOST:,} lines", "ignore folders instead of files")
    faults = tuple(fault for number, line in enumerate(lines, start=1) for fault in _line_faults(number, line))
    if faults:
        return Ignored(faults)
    try:
        return Ignored((), _compiled(lines))
    except re2.error:  # each of them fits into RE2's memory, and all of them together do not
        return _faulty(1, "the patterns are too much in all", "ignore folders instead of files")


def _compiled(lines: Iterable[str]) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(lines, backend=_BACKEND)


def _line_faults(number: int, line: str) -> Iterable[Fault]:
    if len(line) > _LONGEST:
        yield from _faulty(number, f"the pattern has more than {_LONGEST} characters", "shorten it").faults
        return
    try:
        _compiled([line])
    except (GitIgnorePatternError, re.error, re2.error, ValueError):
        yield from _faulty(number, "the line is no pattern", "write it as in .gitignore").faults


def _faulty(line: int, what: str, remedy: str) -> Ignored:
    return Ignored((Fault(FILE, line, what, remedy, FaultScope.REFUSES),))
