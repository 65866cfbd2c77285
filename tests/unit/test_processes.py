"""The suite's own spread over processes: how many, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.fixtures import processes
from tests.fixtures.processes import MEMORY, SLOW

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("cores", "gibibytes", "expected"), [(1, 64, 1), (2, 7, 1), (2, 16, 2), (4, 16, 4), (64, 256, 4), (8, 1, 1)]
)
def test_there_are_as_many_processes_as_cores_and_memory_bear_and_never_more_than_four(
    cores: int, gibibytes: int, expected: int
) -> None:
    assert processes.processes(cores=cores, memory=gibibytes << 30) == expected
    assert processes.MOST * MEMORY == 16 << 30


class Item:
    """As much of a test as the order looks at."""

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def test_slow_files_come_first_then_those_with_many_tests_and_a_file_stays_as_it_is() -> None:
    ids = ["tests/unit/b.py::z", "tests/unit/b.py::a", "tests/unit/a.py::x", "tests/integration/db/a.py::x"]
    items = [Item(nodeid) for nodeid in [*ids, "tests/integration/processes/a.py::x", "tests/e2e/a.py::x[a::b]"]]
    assert [item.nodeid for item in processes.slow_first(cast("list[pytest.Item]", items))] == [
        "tests/e2e/a.py::x[a::b]",
        "tests/integration/processes/a.py::x",
        "tests/integration/db/a.py::x",
        "tests/unit/b.py::z",
        "tests/unit/b.py::a",
        "tests/unit/a.py::x",
    ]


def test_every_folder_that_is_named_is_there() -> None:
    assert [folder for folder in SLOW if not (ROOT / folder).is_dir()] == []
