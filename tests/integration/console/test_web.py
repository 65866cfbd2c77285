"""The pages' own checks: types, tests of what is pure, their size, and who imports whom."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from console.web import build

SOURCES = build.HERE / "src"
FIRST, LAZY = 180_000, 60_000
"""Bytes, compressed, that a browser loads before the first page shows, and for one page more."""


@pytest.fixture(scope="module")
def pages() -> Path:
    """Return the folder of pages built of these sources."""
    build.build()
    return build.HERE / "dist"


def packed(pages: Path, files: set[str]) -> int:
    paths = [pages / f"{one}.gz" for one in files]
    return sum((path if path.exists() else path.with_suffix("")).stat().st_size for path in paths)


def reached(manifest: dict[str, dict[str, object]], chunk: str) -> set[str]:
    """Return the files that a chunk needs before it runs."""
    found: set[str] = set()
    waiting = [chunk]
    while waiting:
        one = manifest[waiting.pop()]
        new = {str(one["file"]), *map(str, _list(one.get("css")))}
        if not new <= found:
            found |= new
            waiting += map(str, _list(one.get("imports")))
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def test_types_fit_those_of_the_api(pages: Path) -> None:  # noqa: ARG001 - what is installed for them
    build.types()
    build.run(build.HERE, "node_modules/typescript/bin/tsc", "--noEmit")


def test_pure_parts_do_what_their_tests_say(pages: Path) -> None:  # noqa: ARG001 - alike
    build.run(build.HERE, "node_modules/vitest/vitest.mjs", "run")


def test_pages_keep_their_budgets_of_bytes(pages: Path) -> None:
    manifest = json.loads((pages / "manifest.json").read_text())
    (entry,) = (name for name, one in manifest.items() if one.get("isEntry"))
    first = reached(manifest, entry)
    assert packed(pages, first) <= FIRST
    lazy = [str(name) for name in manifest[entry]["dynamicImports"]]
    assert len(lazy) > 2
    sizes = {name: packed(pages, reached(manifest, name) - first) for name in lazy}
    assert {name: size for name, size in sizes.items() if size > LAZY} == {}


def test_no_address_of_a_registry_is_in_the_lock() -> None:
    lock = json.loads((build.HERE / "package-lock.json").read_text())["packages"]
    assert [name for name, one in lock.items() if "resolved" in one] == []
    assert [name for name, one in lock.items() if name and "integrity" not in one] == []


def test_parts_of_one_library_have_one_version() -> None:
    lock = json.loads((build.HERE / "package-lock.json").read_text())["packages"]
    assert {one["version"] for name, one in lock.items() if name.startswith("node_modules/@mantine/")} == {"9.7.3"}


_IMPORT = re.compile(r"""(?:from|import\()\s*'([^']+)'""")
_MAY = {
    "app": {"api", "app", "features", "lib", "ui"},
    "features": {"api", "lib", "ui"},
    "ui": {"api", "lib", "ui"},
    "api": {"api", "lib"},
    "lib": set(),
}
"""Which folders each folder imports from; a file always from its own folder, by a name that begins with a dot."""


def test_folders_import_one_way_and_features_not_each_other() -> None:
    wrong = []
    for path in sorted((*SOURCES.rglob("*.ts"), *SOURCES.rglob("*.tsx"))):
        room = path.relative_to(SOURCES).parts[0]
        for name in _IMPORT.findall(path.read_text()):
            other = name.removeprefix("@/").partition("/")[0] if name.startswith("@/") else ""
            if (other and other not in _MAY[room]) or name.startswith(".."):
                wrong.append(f"{path.relative_to(SOURCES)}: {name}")
    assert wrong == []


def test_nothing_puts_text_into_a_page_as_markup() -> None:
    for path in SOURCES.rglob("*.ts*"):
        text = path.read_text()
        assert not re.search(r"dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write|\beval\(", text), (
            path
        )


def test_sources_that_change_are_built_again(tmp_path: Path) -> None:
    for name in build.INPUTS:
        (tmp_path / name).write_text("{}")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("1")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / build.STAMP).write_text(build.digest(tmp_path))
    assert build.is_current(tmp_path)
    (tmp_path / "src" / "a.test.ts").write_text("2")
    assert build.is_current(tmp_path)
    (tmp_path / "src" / "a.ts").write_text("2")
    assert not build.is_current(tmp_path)


def test_a_build_that_fails_says_why_and_leaves_what_was_there(tmp_path: Path) -> None:
    for name in build.INPUTS:
        (tmp_path / name).write_text("no JSON")
    (tmp_path / "src").mkdir()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("before")
    with pytest.raises(build.BuildError, match="npm"):
        build.build(tmp_path)
    assert (tmp_path / "dist" / "index.html").read_text() == "before"
