"""From bytes to documents, or to every fault that can be told."""

from __future__ import annotations

import re

import yaml

from common.yaml.compose import Composer, Document, Repeated
from common.yaml.faults import YamlError, YamlFault
from common.yaml.limits import YamlLimits
from common.yaml.positions import Positions, index_of
from common.yaml.scalars import Dialect

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PAIR = re.compile(
    r"(?P<before>(?<!\\)(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})", re.IGNORECASE
)
"""Two escapes by which JSON writes one character beyond the first 65,536."""
_LIKE_JSON = re.compile(r'(?:[\s\[\]{},:0-9eE+.a-z-]|"(?:[^"\\]|\\.)*")*')
"""Every backslash in it is within double quotes."""
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PROBLEM_LIMIT = 200


def load_documents(
    text: bytes,
    limits: YamlLimits,
    *,
    dialect: Dialect = Dialect.KUBERNETES,
    lines: bool = False,
    repeated: Repeated = Repeated.REFUSED,
) -> list[Document]:
    """Return the documents of a YAML or JSON text; those without content are left out.

    Args:
        text: UTF-8, with or without a byte order mark.
        limits: bounds, counted on parser events before anything is built.
        dialect: how keys are read.
        lines: whether each document also carries its own text and the line of each key.
        repeated: what becomes of keys given twice.

    Raises:
        YamlError: with every fault found; after a syntax fault or an exceeded bound nothing more is read.
    """
    decoded = _decoded(text, limits)
    composer = Composer(limits, dialect, Positions(decoded), lines=lines, repeated=repeated)
    return _documents(decoded, limits, composer, lines=lines)


def _decoded(text: bytes, limits: YamlLimits) -> str:
    if len(text) > limits.max_bytes:
        what = f"{len(text):,} bytes; the limit is {limits.max_bytes:,}"
        raise YamlError([YamlFault(1, what, "split the file")])
    if text.startswith(_BYTE_ORDER_MARKS):
        raise YamlError([YamlFault(1, "the text is UTF-16", "save it as UTF-8")])
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise YamlError([YamlFault(line, "the text is not UTF-8", "save it as UTF-8")]) from error
    bad = _UNPRINTABLE.search(decoded)
    if bad is not None:
        line = decoded.count("\n", 0, bad.start()) + 1
        what = f"character U+{ord(bad[0]):04X} is not allowed in YAML"
        raise YamlError([YamlFault(line, what, "remove it, or write it as an escape in double quotes")])
    return _with_whole_characters(decoded)


def _with_whole_characters(text: str) -> str:
    """Return JSON with each pair of escapes that stands for one character as YAML escapes it; all else as it is."""
    if _PAIR.search(text) is None or _LIKE_JSON.fullmatch(text) is None:
        return text
    return _PAIR.sub(_whole, text)


def _whole(pair: re.Match[str]) -> str:
    character = 0x10000 + ((int(pair["high"], 16) - 0xD800) << 10) + int(pair["low"], 16) - 0xDC00
    return f"{pair['before']}\\U{character:08X}"


def _documents(text: str, limits: YamlLimits, composer: Composer, *, lines: bool) -> list[Document]:
    found: list[Document] = []
    start, count = 0, 0
    line = 1
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                composer.begin()
                start, line = index_of(event.start_mark), composer.positions.line_of(event.start_mark)
                count += 1
                _check_start(composer, event, count, limits)
            elif isinstance(event, yaml.DocumentEndEvent):
                if composer.value is not None:
                    own = text[start : index_of(event.start_mark)] if lines else ""
                    found.append(Document(composer.value, line, own, composer.lines, tuple(composer.repeated)))
            elif not isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent)):
                composer.feed(event)
    except yaml.YAMLError as error:
        raise YamlError([*composer.faults, _syntax_fault(error, composer.positions)]) from error
    if composer.faults:
        raise YamlError(composer.faults)
    return found


def _check_start(composer: Composer, event: yaml.DocumentStartEvent, count: int, limits: YamlLimits) -> None:
    line = composer.positions.line_of(event.start_mark)
    if count > limits.max_documents:
        what = f"more than {limits.max_documents:,} documents"
        raise YamlError([*composer.faults, YamlFault(line, what, "split the file")])
    if event.tags:
        composer.fault(line, "a %TAG directive", "remove it: tags are not used here")


def _syntax_fault(error: yaml.YAMLError, positions: Positions) -> YamlFault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "the text is not YAML"
    remedy = "correct the syntax"
    if "cannot start any token" in problem:
        remedy = "indent with spaces, not tabs, and quote values that start with @, ` or %"
    elif "mapping values are not allowed" in problem:
        remedy = "check the indentation, and quote values that hold a colon"
    return YamlFault(positions.line_of(mark), str(problem)[:_PROBLEM_LIMIT], remedy)
