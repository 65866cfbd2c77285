"""What is written is one text for people, costs time by its length, and nothing else writes YAML."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from common.yaml import dump

ROOT = Path(__file__).parents[3]
WRITERS = re.compile(r"(?<![.\w])yaml\.\w*(dump|serialize|emit|Dumper)\w*|from yaml import.*|ruamel")
PACKAGES = ("common", "scheduler", "workers", "console", "simulator")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain words: none", "'plain words: none'\n"),
        ({"image": "registry.example.com/web:v1.2"}, "image: registry.example.com/web:v1.2\n"),
        ({"args": ["--port=80", "-v"]}, "args:\n- --port=80\n- -v\n"),
        ({"memory": "512Mi", "time": "30s"}, "memory: 512Mi\ntime: 30s\n"),
        ({"a.conf": "x = 1\n\ny = 2\n"}, "a.conf: |\n  x = 1\n\n  y = 2\n"),
        ({"on": "on"}, "'on': 'on'\n"),
        ({"a": "08", "b": "5e12", "c": "y", "d": "0o17"}, "a: '08'\nb: '5e12'\nc: 'y'\nd: '0o17'\n"),
        ({"long": "word " * 60 + "end"}, f"long: {'word ' * 60}end\n"),
    ],
)
def test_what_people_read_looks_as_they_would_write_it(value: Any, text: str) -> None:
    assert dump(value) == text if isinstance(value, dict) else dump(value).rstrip(".\n") == text.rstrip()


def test_a_part_that_two_objects_share_is_written_twice() -> None:
    shared = {"app": "a"}
    assert dump({"labels": shared, "selector": shared}) == "labels:\n  app: a\nselector:\n  app: a\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64, -(2**63) - 1, {"a": "\ud800"}])
def test_what_no_reader_could_read_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are the libraries'
        dump(value)


@pytest.mark.parametrize(
    "text", ["a \n" * 100_000, "\n" * 100_000, " " * 100_000, "a " * 100_000 + "\n", "a\n" * 100_000]
)
def test_writing_takes_time_in_proportion_to_the_text(text: str) -> None:
    began = time.process_time()
    dump(text)
    assert time.process_time() - began < 2


def test_nothing_else_writes_yaml() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for match in WRITERS.finditer(path.read_text(encoding="utf-8"))
        if path != ROOT / "common/yaml/dump.py"
    ]
    assert found == []
