"""What a Jsonnet program imports. Imports name literal texts only, so that reading the program is enough."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.sources.trees import Tree, joined
from workers.render.faults import EscapeRefusedError, PluginRefusedError, RenderError

MAIN = "main.jsonnet"
SUFFIX = ".jsonnet"
_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | \#[^\n]* | /\*.*?\*/ )
    | (?P<block> \|\|\|-?[ \t]*\n .*? \n[ \t]*\|\|\| )
    | (?P<text> @"(?:[^"]|"")*" | @'(?:[^']|'')*' | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
    | (?P<open> /\* | \|\|\|-?[ \t]*\n | @?["'] )
    | (?P<word> [A-Za-z_]\w* )
    | (?P<other> \S )
    """,
    re.DOTALL | re.VERBOSE,
)
_IMPORTS = frozenset({"import", "importstr", "importbin"})
_MOST_FILES = 2_000
_MOST_IMPORTS = 20_000
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Import:
    """One import: which kind of it, what it names, and the line that it stands on."""

    kind: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class JsonnetFootprint:
    """What one evaluation reads: the program, and every file that it reaches; paths from the repository's root."""

    entry: str
    files: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """All of it, sorted."""
        return self.files


def footprint(tree: Tree, path: str, options: Mapping[str, Any]) -> JsonnetFootprint:
    """Return what evaluating the program at ``path`` reads.

    Args:
        tree: the repository at a commit.
        path: of a ``.jsonnet`` file, or of a folder with a ``main.jsonnet``.
        options: ``libs``, folders from the repository's root, looked through in their order.

    Raises:
        RenderError: an import names nothing, or is no literal text.
        EscapeRefusedError: one leads out of the repository.
        PluginRefusedError: one imports bytes.
        PathMissingError, SymlinkRefusedError, SubmoduleRefusedError, FileTooLargeError: of a file.
    """
    entry = path if path.endswith(SUFFIX) else joined(path, MAIN)
    tree.existing(entry)
    found: dict[str, None] = {}
    waiting = [entry]
    size = count = 0
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        if len(found) > _MOST_FILES:
            raise RenderError([f"{entry}: imports more than {_MOST_FILES:,} files"])
        text = _text(tree, file)
        size += len(text)
        if size > _MOST_BYTES:
            raise RenderError([f"{entry}: it and what it imports have more than {_MOST_BYTES:,} characters"])
        for each in imports_of(text, file):
            count += 1
            if count > _MOST_IMPORTS:
                raise RenderError([f"{entry}: more than {_MOST_IMPORTS:,} imports"])
            target = _target(tree, file, each, options.get("libs", ()))
            if each.kind == "import":
                waiting.append(target)
            else:
                found.setdefault(target, None)
    return JsonnetFootprint(entry, tuple(sorted(found)))


def _text(tree: Tree, file: str) -> str:
    try:
        return tree.read(file).decode()
    except UnicodeDecodeError as error:
        raise RenderError([f"{file}: the text is not UTF-8"]) from error


def imports_of(text: str, file: str) -> Iterator[Import]:
    """Yield the imports of a program, in order.

    Raises:
        RenderError: one names something other than a literal text without escapes, or a text never ends.
    """
    kind, before = "", ""
    line, counted = 1, 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "comment":
            continue
        if token.lastgroup == "open":  # looked for its end once, not from each of a million such places
            line += text.count("\n", counted, token.start())
            raise RenderError([f"{file}:{line}: a text or comment that never ends"])
        if kind:
            line, counted = line + text.count("\n", counted, token.start()), token.start()
            yield Import(kind, _literal(token, f"{file}:{line}"), line)
        word = token["word"]
        kind = word if word in _IMPORTS and before != "." else ""
        before = token[0]


def _literal(token: re.Match[str], place: str) -> str:
    text = token["text"]
    if text is None or (not text.startswith("@") and "\\" in text):
        raise RenderError([f"{place}: an import names its file by a text in quotes, without escapes"])
    quote = text[-1]
    return text[2:-1].replace(quote * 2, quote) if text.startswith("@") else text[1:-1]


def _target(tree: Tree, file: str, each: Import, libs: Sequence[str]) -> str:
    place = f"{file}:{each.line}"
    if each.kind == "importbin":
        message = f"{place}: importbin is not carried out"
        raise PluginRefusedError(message, remedy="Import the file as a text by importstr.")
    folders = (file.rpartition("/")[0] or ".", *libs)
    for path in (_inside(place, folder, each.name) for folder in folders):
        if tree.entry(path) is not None and not tree.existing(path).is_folder:
            return path
    raise RenderError([f"{place}: {each.name[:200]!r} is neither beside the file nor in a library folder"])


def _inside(place: str, folder: str, name: str) -> str:
    path = joined(folder, name)
    if not name or name.startswith("/") or "\0" in name or path == ".." or path.startswith("../"):
        message = f"{place}: {name[:200]!r} leads out of the repository"
        raise EscapeRefusedError(message, remedy="Name a path inside the repository.")
    return path
