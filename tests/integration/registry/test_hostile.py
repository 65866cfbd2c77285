"""The corpus of hostile files: each yields faults or nothing, never a crash, and harms nobody else."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from common.registry import parse
from tests.harness.texts import application, cluster, documents, parsed, placed, registry

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


def test_thousands_of_unknown_names_take_seconds_and_are_summed_up() -> None:
    clusters = documents(*[cluster(f"c{number}") for number in range(500)])
    one = application("a%d", target="clusters: [" + ", ".join(f"d{number}" for number in range(2_000)) + "]")
    files = {**registry(), "clusters.yaml": clusters, **{f"a{n}.yaml": one % n for n in range(10)}}
    result = parsed(files)
    assert len(result.faults) == 1_001
    assert str(result.faults[0]) == ".:1: 19,000 more faults. Correct these first."
    assert not result.refused


def test_faults_that_refuse_are_not_lost_among_others() -> None:
    many = application("a", target="clusters: [" + ", ".join(f"d{number}" for number in range(2_000)) + "]")
    result = parsed({**registry(a=many), "z.yaml": cluster("z", env="prd")})
    assert result.refused
    assert "label env=prd is not in the fleet's vocabulary" in [fault.what for fault in result.faults]


def test_faults_show_no_credentials_and_nothing_that_moves_a_terminals_cursor() -> None:
    leaky = application().replace("https://git.example.com/pay.git", "https://user:hunter2@git.example.com:x/pay.git")
    odd = '{"kind": "Application", "metadata": {"name": "b"}, "spec": {"\\u001b[2Jx": 1}}'
    result = parsed({**registry(a=leaky), "b\n\x1b[2J.yaml": odd})
    text = "\n".join(map(str, result.faults))
    assert "hunter2" not in text
    assert all(str(fault).isprintable() for fault in result.faults)
