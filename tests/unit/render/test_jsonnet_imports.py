"""The imports of a Jsonnet program, read without running it."""

from __future__ import annotations

import pytest

from tests.fakes.trees import Content, memory_tree
from workers.render.faults import EscapeRefusedError, PluginRefusedError, RenderError
from workers.render.jsonnet.imports import footprint, imports_of


def names(text: str) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in imports_of(text, "a.jsonnet")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import 'a'", [("import", "a")]),
        ('local x = import "a/b.libsonnet"; x', [("import", "a/b.libsonnet")]),
        ("importstr /* why */ 'a' + importbin @'b''c'", [("importstr", "a"), ("importbin", "b'c")]),
        ("(import 'a') + (import\n  // there\n  'b')", [("import", "a"), ("import", "b")]),
        ("// import 'a'\n# import 'b'\n/* import 'c' */ {}", []),
        ("{ a: \"import 'x'\", b: 'it\\'s import \"y\"' }", []),
        ("{ text: |||\n    import 'x'\n  |||, y: import 'z' }", [("import", "z")]),
        ("{ important: 1, reimport: 2, a: self.import }", []),
    ],
)
def test_imports_are_found_and_nothing_else(text: str, expected: list[tuple[str, str]]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize("text", ["import x", "import ('a')", "import 'a\\u0062'", "import |||\n a\n|||"])
def test_an_import_of_no_literal_text_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match=r"a\.jsonnet:1: an import names its file by a text"):
        names(text)


FILES: dict[str, Content] = {
    "app/main.jsonnet": "(import 'part.libsonnet') + (import 'lib.libsonnet') + {t: importstr '../text.txt'}",
    "app/part.libsonnet": "import 'deep/x.libsonnet'",
    "app/deep/x.libsonnet": "{x: import 'x.libsonnet'}",
    "vendor/lib.libsonnet": "{}",
    "other/lib.libsonnet": "{}",
    "text.txt": "import 'nothing'",
    "app/unread.jsonnet": "1",
}


def test_everything_that_is_reached_is_read_and_nothing_else() -> None:
    found = footprint(memory_tree(FILES), "app", {"libs": ["vendor", "other"]})
    assert found.entry == "app/main.jsonnet"
    expected = ["app/deep/x.libsonnet", "app/main.jsonnet", "app/part.libsonnet", "text.txt", "vendor/lib.libsonnet"]
    assert list(found.paths) == expected


def test_a_program_can_be_named_itself() -> None:
    assert footprint(memory_tree({"a.jsonnet": "{}"}), "a.jsonnet", {}).paths == ("a.jsonnet",)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", "../../../x", ""])
def test_an_import_from_outside_is_refused(name: str) -> None:
    with pytest.raises(EscapeRefusedError, match=r"app/main\.jsonnet:1"):
        footprint(memory_tree({"app/main.jsonnet": f"import '{name}'"}), "app", {})


def test_what_is_nowhere_is_named_with_who_wants_it() -> None:
    with pytest.raises(RenderError, match=r"app/main\.jsonnet:2: 'gone' is neither beside the file nor in a library"):
        footprint(memory_tree({"app/main.jsonnet": "\nimport 'gone'"}), "app", {"libs": ["vendor"]})


def test_bytes_are_not_imported() -> None:
    with pytest.raises(PluginRefusedError):
        footprint(memory_tree({"app/main.jsonnet": "importbin 'a'", "app/a": "x"}), "app", {})
