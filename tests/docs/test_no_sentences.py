"""No sentence of ours is compared, in code or SQL: it would be reworded. What is compared is a code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.store.schema.tables import Base
from common.store.schema.tables.base import Text

ROOT = Path(__file__).parents[2]
PACKAGES = ("common", "scheduler", "workers", "console")
FOREIGN = {
    "common/yaml/load.py": "libyaml's",
    "workers/kube/errors.py": "the API server's, where its reason and causes say too little",
    "workers/render/helm/rendering.py": "Helm's, which has no codes",
    "workers/render/sandbox.py": "tools' and the kernel's",
}
"""Who reads what others say, and whose words: they are made codes there, at the adapter, and nowhere else."""
WORDS = {
    "approvals.decision_reason": "a person's",
    "clusters.server": "an address",
    "faults.file": "a path",
    "intents.reason": "a person's",
    "inventory.by_hand": "paths of fields",
    "object_results.diff": "a diff",
    "placements.pause_reason": "a person's",
    "sources.repo": "an address",
}
"""Every column of words, and whose they are. Why something is as it is goes into ``NAME_code`` and ``NAME_params``."""
_COLUMNS = {name.partition(".")[2] for name in WORDS} - {"by_hand", "file", "repo", "server"} | {"error", "result"}
_ASKING = {"startswith", "endswith", "removeprefix", "partition", "find", "index", "contains", "like", "ilike", "in_"}
_SAYING = {"sentence", "hold_sentence", "reason_sentence", "failure_sentence", "sentences"}


def _is_said(words: object) -> bool:
    """Return whether a constant is more than one word."""
    return isinstance(words, str) and len([one for one in words.split() if any(map(str.isalpha, one))]) > 1


def _constants(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and _is_said(node.value.value):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _says(node: ast.expr, constants: set[str]) -> bool:
    match node:
        case ast.Constant(value=words):
            return _is_said(words)
        case ast.Name(id=name):
            return name in constants
        case ast.JoinedStr(values=parts):
            return any(_says(part, constants) for part in parts if isinstance(part, ast.Constant))
        case ast.Tuple(elts=each) | ast.List(elts=each) | ast.Set(elts=each):
            return any(_says(one, constants) for one in each)
        case ast.Call(func=ast.Name(id=name)):
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


def offences(source: str) -> Iterator[int]:
    """Yield the lines of a module that compare a sentence, or ask a column of words for anything but emptiness."""
    tree = ast.parse(source)
    constants = _constants(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=more):
                sides = (left, *more)
                empty = any(isinstance(one, ast.Constant) and one.value == "" for one in sides)
                if any(_says(one, constants) for one in sides) or (not empty and any(map(_is_column, sides))):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=asked, attr=name), args=given) if name in _ASKING:
                if _is_column(asked) or any(_says(one, constants) for one in (asked, *given)):
                    yield node.lineno
            case ast.MatchValue(value=value) if _says(value, constants):
                yield value.lineno


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_nothing_compares_a_sentence() -> None:
    found = {str(path.relative_to(ROOT)): [*offences(path.read_text(encoding="utf-8"))] for path in _modules()}
    assert {name: lines for name, lines in found.items() if lines and name not in FOREIGN} == {}
    assert {name for name, lines in found.items() if lines} == set(FOREIGN), "who compares none any more goes"


@pytest.mark.parametrize(
    "line",
    [
        "x = reason.startswith('sync.mode is warn')",
        "WARNED = 'sync.mode is warn'\nx = reason.startswith(WARNED)",
        "x = row.reason == 'a newer revision'",
        "x = 'no such host' in str(error)",
        "x = sentence(hold) == other",
        "x = said in ('its cluster is draining', 'paused')",
        "x = select(RunRow).where(RunRow.error == wanted)",
        "x = update(_RUN).where(_RUN.c.result.like(wanted))",
        "x = f'asked for by {who}' != reason",
        "match reason:\n    case 'a newer revision':\n        x = 1",
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
