"""No sentence of ours is compared, in code or SQL: it would be reworded. What is compared is a code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from common.store.schema.tables import Base
from common.store.schema.tables.base import Text

ROOT = Path(__file__).parents[2]
PACKAGES = ("common", "scheduler", "workers", "console", "simulator")
FOREIGN = {
    "common/domain/redact.py": "what encloses secrets in others' texts",
    "common/sources/faults.py": "Git's, which has no codes",
    "common/yaml/load.py": "libyaml's",
    "workers/kube/errors.py": "the API server's, where its reason and causes say too little",
    "workers/render/helm/rendering.py": "Helm's, which has no codes",
    "workers/render/sandbox.py": "tools' and the kernel's",
    "workers/sync/plan/conflicts.py": "the API server's",
    "workers/sync/plan/postponing.py": "the API server's admission's, which gives no code",
}
"""Who reads what others say, and whose words: they are made codes there, at the adapter, and nowhere else."""
WORDS = {
    "approvals.decision_reason": "a person's",
    "clusters.server": "an address",
    "faults.file": "a path",
    "intents.reason": "a person's",
    "inventory.by_hand": "paths of fields",
    "object_results.diff": "a diff",
    "placement_sources.repo": "an address",
    "placements.pause_reason": "a person's",
    "sources.repo": "an address",
}
"""Every column of words, and whose they are. Why something is as it is goes into ``NAME_code`` and ``NAME_params``."""
_MIGRATIONS = "common/store/schema/migrations/versions"
MAPPING = {"0029_holds.py", "0030_codes.py", "0033_health.py", "0037_objects.py"}
"""Migrations that made codes of what older versions had written in words. There is nothing left to be mapped."""
_SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE|WHEN|CASE|EXISTS|AND|OR|NOT|LIKE|IN|SET)\b")
_WORDS_IN_SQL = r"'((?:[^']|'')*)'"
_COMPARED = (
    re.compile(rf"(?:=|<>|~|\b(?:LIKE|ILIKE|TO)\b)\s*\(?\s*{_WORDS_IN_SQL}"),
    re.compile(rf"{_WORDS_IN_SQL}\s*(?:=|<>|~)"),
    re.compile(rf"(?i:\b(?:starts_with|strpos|instr|position|substring|regexp_\w+))\s*\([^')]*{_WORDS_IN_SQL}"),
)
_LISTED = re.compile(r"\bIN\s*\(([^)]*)\)")
_COLUMNS = {name.partition(".")[2] for name in WORDS} - {"by_hand", "file", "repo", "server", "subject"} | {
    "error",
    "result",
}
_ASKED = {
    "startswith", "endswith", "find", "rfind", "index", "rindex", "count", "contains", "like", "ilike", "in_", "get",
}  # fmt: skip
"""What asks its object, by its first argument."""
_ASKING = {"removeprefix", "removesuffix", "partition", "rpartition", "split", "rsplit", "eq", "ne", "fnmatch"}
"""What asks by its arguments alone."""
_MATCHING = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}
_SAID_IN_PATTERN = re.compile(r"[a-z]{2,}(?: | \\w[+*] )[a-z]{2,}|[a-z]{2,} [a-z]{2,}", re.IGNORECASE)
_SAME_WORDS = {"lower", "upper", "casefold", "strip", "encode", "format"}
_HOLDING = {"frozenset", "set", "tuple", "list", "dict"}
_SAYING = {"sentence", "hold_sentence", "reason_sentence", "failure_sentence", "sentences"}


def _is_said(words: object) -> bool:
    """Return whether a constant is more than one word."""
    return isinstance(words, str) and len([one for one in words.split() if any(map(str.isalpha, one))]) > 1


def _given(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names to which some statements give words."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _says(value, set()):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _says(value, set()):
                found.add(name)
            case ast.comprehension(target=ast.Name(id=name), iter=each) if _says(each, set()):
                found.add(name)
            case ast.For(target=ast.Name(id=name), iter=each) if _says(each, set()):
                found.add(name)
            case ast.ImportFrom(module=str(module), names=names):
                found |= {one.asname or one.name for one in names if one.name in _words_of(module)}
    return found


def _seen_everywhere(tree: ast.Module) -> set[str]:
    """Return the names of words that all of a module sees: its own, its classes' and those that it imports."""
    classes = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    elsewhere = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.comprehension))
    return _given((*tree.body, *chain.from_iterable(classes), *elsewhere))


@cache
def _words_of(module: str) -> frozenset[str]:
    """Return the names that a module of ours gives to words where all can import them."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    if module.partition(".")[0] not in PACKAGES or not path.is_file():
        return frozenset()
    return frozenset(_given(ast.parse(path.read_text(encoding="utf-8")).body))


def _says(node: ast.expr, constants: set[str]) -> bool:
    match node:
        case ast.Constant(value=words):
            return _is_said(words)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in constants
        case ast.JoinedStr(values=parts):
            return any(_says(part, constants) for part in parts if isinstance(part, ast.Constant))
        case ast.Dict(keys=each):
            return any(_says(one, constants) for one in each if one is not None)
        case ast.Tuple(elts=each) | ast.List(elts=each) | ast.Set(elts=each):
            return any(_says(one, constants) for one in each)
        case ast.Call(func=ast.Name(id=name), args=given) if name in _HOLDING:
            return any(_says(one, constants) for one in given)
        case ast.Call(func=ast.Attribute(value=words, attr=name)) if name in _SAME_WORDS:
            return _says(words, constants)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _SAYING
    return False


def _is_column(node: ast.expr) -> bool:
    """Return whether an expression is a column of words, as ``RunRow.error`` or ``_RUN.c.error``."""
    if not isinstance(node, ast.Attribute) or node.attr not in _COLUMNS:
        return False
    match node.value:
        case ast.Name(id=name):
            return name.endswith("Row")
        case ast.Attribute(attr=name):
            return name == "c"
    return False


def _text(node: ast.expr) -> str:
    """Return a text as it stands in the module, its fields as question marks; empty for anything else."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) if isinstance(part, ast.Constant) else "?" for part in parts)
    return ""


def _in_sql(text: str) -> bool:
    """Return whether a text is SQL that compares a sentence, or sets a column to one."""
    if not _SQL.search(text):
        return False
    listed = (words for each in _LISTED.findall(text) for words in re.findall(_WORDS_IN_SQL, each))
    compared = (words for pattern in _COMPARED for words in pattern.findall(text))
    return any(map(_is_said, (*listed, *compared)))


def offences(source: str) -> Iterator[int]:
    """Yield the lines of a module that compare a sentence, or ask a column of words for anything but emptiness."""
    tree = ast.parse(source)
    everywhere = _seen_everywhere(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found: set[int] = set()
    for scope, constants in ((tree, everywhere), *((one, everywhere | _given(ast.walk(one))) for one in functions)):
        for node in ast.walk(scope):
            if _compares(node, constants):
                found.add(node.value.lineno if isinstance(node, ast.MatchValue) else getattr(node, "lineno", 0))
    yield from sorted(found)


def _compares(node: ast.AST, constants: set[str]) -> bool:
    match node:
        case ast.Compare(left=left, comparators=more):
            sides = (left, *more)
            empty = any(isinstance(one, ast.Constant) and one.value == "" for one in sides)
            return any(_says(one, constants) for one in sides) or (not empty and any(map(_is_column, sides)))
        case ast.Call():
            return _asks(node, constants)
        case ast.Subscript(value=ast.Dict() as words) | ast.MatchValue(value=words):
            return _says(words, constants)
        case ast.Constant() | ast.JoinedStr():
            return _in_sql(_text(node))
    return False


def _asks(call: ast.Call, constants: set[str]) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(pattern)), *_]) if name in _MATCHING:
            if _SAID_IN_PATTERN.search(pattern):
                return True
    match call:
        case ast.Call(func=ast.Attribute(value=asked, attr=name), args=given) if name in _ASKED:
            return _is_column(asked) or any(_says(one, constants) for one in (asked, *given[:1]))
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=given) if name in _ASKING:
            return any(_says(one, constants) for one in given[:2])
    return False


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_nothing_compares_a_sentence() -> None:
    found = {str(path.relative_to(ROOT)): [*offences(path.read_text(encoding="utf-8"))] for path in _modules()}
    allowed = {*FOREIGN, *(f"{_MIGRATIONS}/{name}" for name in MAPPING)}
    assert {name: lines for name, lines in found.items() if lines and name not in allowed} == {}
    assert {name for name, lines in found.items() if lines} == allowed, "who compares none any more goes"


@pytest.mark.parametrize(
    "line",
    [
        "x = reason.startswith('sync.mode is warn')",
        "WARNED = 'sync.mode is warn'\nx = reason.startswith(WARNED)",
        "x = row.reason == 'a newer revision'",
        "x = re.search('no such host', str(error))",
        "ASKED = re.compile(r'asked for by \\w+')",
        "x = str(error).lower() == 'No such host'.lower()",
        "x = text.rpartition(' cannot be rendered: ')",
        "SAID = ' cannot be rendered: '\nx = text.rpartition(SAID)",
        "x = said.removesuffix(' is not there')",
        "x = any(words in error.message for words in ('not our ref', 'remote error'))",
        "def f(said):\n    wanted = 'no such host'\n    return said == wanted",
        "class A:\n    WORDS = 'no such host'\nx = said == A.WORDS",
        "WORDS: Final = 'a newer revision'\nx = said == WORDS",
        "SAID = frozenset({'a newer revision'})\nx = said in SAID",
        "x = {'a newer revision': 1}[said]",
        "x = {'a newer revision': 1}.get(said)",
        "x = fnmatch(said, '* is draining')",
        "x = operator.eq(said, 'a newer revision')",
        "x = catalogue.sentence(a) == b",
        "from workers.render.helm.rendering import _SCHEMAS\nx = _SCHEMAS in said",
        "x = 'no such host' in str(error)",
        "x = sentence(hold) == other",
        "x = said in ('its cluster is draining', 'paused')",
        "x = select(RunRow).where(RunRow.error == wanted)",
        "x = update(_RUN).where(_RUN.c.result.like(wanted))",
        "x = f'asked for by {who}' != reason",
        "match reason:\n    case 'a newer revision':\n        x = 1",
        "WORDS = {'a newer revision': 'x'}\nx = row.c.cause.in_(WORDS)",
        "x = text(\"SELECT id FROM runs WHERE cause = 'a newer revision'\")",
        "x = text(\"UPDATE runs SET state = 'ended' WHERE reason LIKE 'asked for by %'\")",
        "x = text(f\"SELECT 1 FROM runs WHERE {name} <> 'a newer revision'\")",
        "x = text(\"SELECT 1 FROM runs WHERE reason IN ('paused', 'its cluster is draining')\")",
        "x = text(\"CASE WHEN starts_with(reason, 'asked for by ') THEN 1 END\")",
        "x = text(\"SELECT 1 FROM runs WHERE 'a newer revision' = cause\")",
    ],
)
def test_a_comparison_of_sentences_is_found(line: str) -> None:
    assert [*offences(line)]


@pytest.mark.parametrize(
    "line",
    [
        "x = reason.code == Found.WARNED",
        "x = row.error_code == 'cluster.unreachable'",
        "x = code.startswith('hook.')",
        "x = select(RunRow).where(PlacementRow.pause_reason != '')",
        "x = f'asked for by {who}'",
        "def f():\n    detail = 'no such host'\ndef g(detail):\n    return detail == 'x'",
        "x = WHY.get(code, 'it is not known')",
        "x = 'name, commit'.split(', ')",
        "x = text(\"SELECT id FROM runs WHERE state = 'ended' AND outcome IN ('failed', 'succeeded')\")",
        "x = text(\"BEGIN RAISE EXCEPTION 'history is append-only: %' USING ERRCODE = 'restrict_violation'; END\")",
    ],
)
def test_a_code_may_be_compared(line: str) -> None:
    assert not [*offences(line)]


def test_every_column_of_words_is_somebodys() -> None:
    texts = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
    }
    assert texts == set(WORDS)
