"""The corpus of hostile files: each yields faults or nothing, never a crash, and harms nobody else."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from common.registry import parse
from tests.unit.registry.texts import application, placed, registry

CORPUS = sorted(path for path in (Path(__file__).parents[2] / "data" / "registry").iterdir() if path.suffix != ".md")
HARMLESS = {"empty.yaml", "only-comments.yaml"}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_hostile_file_yields_faults_and_harms_nobody(path: Path) -> None:
    files = {name: text.encode() for name, text in registry(pay=application()).items()}
    good = parse(files)
    tracemalloc.start()
    try:
        result = parse({**files, f"x/{path.name}": path.read_bytes()}, good.documents)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    assert placed(result) == placed(good)
    assert bool(result.faults) == (path.name not in HARMLESS)
    assert result.refused == any(fault.scope.value == "refuses" for fault in result.faults)
    assert all(fault.file == f"x/{path.name}" and fault.line >= 1 for fault in result.faults)
    assert all(len(str(fault)) < 1_000 and str(fault).isprintable() for fault in result.faults)


def test_a_file_over_the_size_limit_is_a_fault() -> None:
    files = {name: text.encode() for name, text in registry().items()}
    result = parse({**files, "x.yaml": b"#" * ((1 << 20) + 1)})
    assert [fault.what for fault in result.faults] == ["1,048,577 bytes; the limit is 1,048,576"]
