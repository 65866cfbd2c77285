"""Plain manifests."""

from __future__ import annotations

import time
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.domain.reasons import sentence
from common.sources.faults import PathMissingError, SubmoduleRefusedError, SymlinkRefusedError
from common.sources.objects import SUBMODULE, SYMLINK
from common.sources.trees import Tree
from tests.fakes.trees import memory_tree
from workers.render import plain
from workers.render.faults import EmptyRenderError, RenderError
from workers.render.manifests import Sourced


def config(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"


def rendered(tree: Tree, path: str = "app", options: dict[str, Any] | None = None) -> tuple[Sourced, ...]:
    return plain.render(tree, path, plain.footprint(tree, path, options or {})).objects


def names(objects: tuple[Sourced, ...]) -> list[str]:
    return [item.manifest["metadata"]["name"] for item in objects]


def test_yaml_and_json_of_all_folders_come_out_in_order_of_path() -> None:
    files = {
        "app/b.yml": config("b"),
        "app/a.yaml": config("a1") + "---\n" + config("a2"),
        "app/sub/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
        "app/README.md": "# not a manifest",
        "other/d.yaml": config("d"),
    }
    objects = rendered(memory_tree(files))
    assert names(objects) == ["a1", "a2", "b", "c"]
    assert [item.origin for item in objects] == ["app/a.yaml:1", "app/a.yaml:5", "app/b.yml:1", "app/sub/c.json:1"]


def test_the_footprint_is_the_files_that_are_read() -> None:
    tree = memory_tree({"app/a.yaml": config("a"), "app/README.md": "x"})
    assert plain.footprint(tree, "app", {}) == ("app/a.yaml",)
    assert plain.footprint(tree, "app/a.yaml", {}) == ("app/a.yaml",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": ["*.yaml"]}, ["a"]),
        ({"include": ["**/*.yaml"]}, ["a", "b", "c"]),
        ({"include": ["sub/**"]}, ["b", "c"]),
        ({"exclude": ["sub/deep/**"]}, ["a", "b"]),
        ({"include": ["**"], "exclude": ["**/b.yaml"]}, ["a", "c"]),
        ({"exclude": ["sub"]}, ["a", "b", "c"]),
        ({"include": ["[a].yaml", "a.yaml"]}, ["a"]),
    ],
)
def test_patterns_choose_files_and_exclude_wins(options: dict[str, Any], expected: list[str]) -> None:
    files = {"app/a.yaml": config("a"), "app/sub/b.yaml": config("b"), "app/sub/deep/c.yaml": config("c")}
    assert names(rendered(memory_tree(files), options=options)) == expected


def test_no_pattern_takes_long_on_any_path() -> None:
    began = time.monotonic()
    for path, glob in (("/".join(["a"] * 40), "/".join(["**", "a"] * 8) + "/b"), ("a" * 4000, "*a" * 16 + "b")):
        assert plain.footprint(memory_tree({f"app/{path}": "x"}), "app", {"include": [glob]}) == ()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", r"app/x\.yaml:1: "),
        ("- a\n", r"app/x\.yaml:1: the document is not a mapping"),
        ("kind: ConfigMap\nmetadata: {name: a}\n", r"app/x\.yaml:1: the object has no apiVersion"),
        ("apiVersion: v1\nmetadata: {name: a}\n", r"app/x\.yaml:1: the object has no kind"),
        ("apiVersion: v1\nkind: 3\nmetadata: {name: a}\n", r"app/x\.yaml:1: the object has no kind"),
        ("---\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n", r"app/x\.yaml:\d: the Pod has no metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: [name]\n", r"app/x\.yaml:1: the Pod has no metadata.name"),
    ],
)
def test_a_fault_names_file_and_line(text: str, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        rendered(memory_tree({"app/x.yaml": text}))


def test_every_fault_of_every_file_is_reported_at_once() -> None:
    with pytest.raises(RenderError) as caught:
        rendered(memory_tree({"app/x.yaml": "a: [", "app/y.yaml": "- a\n", "app/z.yaml": config("z")}))
    assert "app/x.yaml" in str(caught.value)
    assert "app/y.yaml" in str(caught.value)


def test_a_key_given_twice_counts_once_as_for_kubectl_and_is_told() -> None:
    tree = memory_tree({"app/x.yaml": config("x") + "  name: z\ndata: {a: '1', a: '2'}\n"})
    done = plain.render(tree, "app", ("app/x.yaml",))
    assert names(done.objects) == ["z"]
    assert done.objects[0].manifest["data"] == {"a": "2"}
    assert tuple(map(sentence, done.warnings)) == (
        "app/x.yaml:5: key 'name' is given twice, first on line 4; the last one counts",
        "app/x.yaml:6: key 'a' is given twice, first on line 6; the last one counts",
    )


def test_warnings_are_as_many_as_somebody_reads() -> None:
    many = "".join(f"{config(f'x{number}')}  name: y{number}\n---\n" for number in range(100))
    done = plain.render(memory_tree({"app/x.yaml": many}), "app", ("app/x.yaml",))
    assert len(done.warnings) == 21
    assert sentence(done.warnings[-1]) == "and 80 more like these"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("|\n    x\n", "x\n"),
        ("|\n    x", "x\n"),
        ("|\n    x\n\n\n", "x\n"),
        ("|+\n    x\n\n", "x\n\n"),
        ("|+\n    x", "x\n"),
        ("|-\n    x\n", "x"),
        (">-\n    x\n    y\n", "x y"),
        (">\n    x\n\n    y", "x\ny\n"),
        ("|\r\n    x\r\n    y\r\n", "x\ny\n"),
        ("|\n    x \t\n    \ty\n", "x \t\n\ty\n"),
        ('"x\\r\\n"\n', "x\r\n"),
        (f"'{'long ' * 1000}'\n", "long " * 1000),
    ],
)
@pytest.mark.parametrize("after", ["", "---\n", "--- # comment\n", "...\n", "...\n---\n", "\n---\n{after}"])
def test_a_text_keeps_its_bytes_whatever_comes_after_it(text: str, value: str, after: str) -> None:
    if after and not text.endswith("\n"):
        text += "\n"
    if text.startswith("|+") and after.startswith("\n"):
        value += "\n"
    content = "\ufeff" + config("x") + f"data:\n  a: {text}" + after.replace("{after}", config("z"))
    first, *_ = rendered(memory_tree({"app/x.yaml": content}))
    assert first.manifest["data"] == {"a": value}


def test_generated_names_and_lists_are_objects_too() -> None:
    text = "apiVersion: v1\nkind: Job\nmetadata: {generateName: a-}\n---\napiVersion: v1\nkind: List\nitems: []\n"
    assert len(rendered(memory_tree({"app/x.yaml": text}))) == 2


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_an_empty_render_is_a_fault_not_an_order_to_delete(text: str) -> None:
    with pytest.raises(EmptyRenderError):
        rendered(memory_tree({"app/x.yaml": text}))
    with pytest.raises(EmptyRenderError):
        rendered(memory_tree({"app/README.md": text}))


def test_a_missing_path_is_a_fault() -> None:
    with pytest.raises(PathMissingError):
        rendered(memory_tree({"app/x.yaml": config("x")}), "elsewhere")


@pytest.mark.parametrize(
    ("name", "mode", "content", "fault"),
    [
        ("linked.yaml", SYMLINK, "../docs/README.md", SymlinkRefusedError),
        ("linked.yaml", SYMLINK, "/etc/passwd", SymlinkRefusedError),
        ("linked", SYMLINK, "../other", SymlinkRefusedError),
        ("linked", SYMLINK, "..", SymlinkRefusedError),
        ("linked", SYMLINK, "../again", SymlinkRefusedError),
        ("linked", SYMLINK, "../again/below", SymlinkRefusedError),
        ("linked", SUBMODULE, "../other", SubmoduleRefusedError),
    ],
)
def test_a_link_that_holds_manifests_is_not_left_out_in_silence(
    name: str, mode: str, content: str, fault: type[FlotillaError]
) -> None:
    tree = memory_tree(
        {
            "app/x.yaml": config("x"),
            f"app/{name}": (mode, content),
            "other/y.yaml": config("y"),
            "docs/README.md": "hello",
            "again": (SYMLINK, "other"),
        }
    )
    with pytest.raises(fault):
        rendered(tree)
    assert names(rendered(tree, options={"exclude": [name]})) == ["x"]


@pytest.mark.parametrize(
    "target", ["../docs/README.md", "nowhere", "/etc/passwd", "/etc", "../../out", "a\0b", "x" * 5000, "x.yaml"]
)
def test_a_link_that_is_no_manifest_is_passed_over(target: str) -> None:
    tree = memory_tree({"app/x.yaml": config("x"), "app/README.md": (SYMLINK, target), "docs/README.md": "hello"})
    assert names(rendered(tree)) == ["x"]
    with pytest.raises(SymlinkRefusedError):
        rendered(tree, options={"include": ["README.md"]})


def test_a_kustomization_below_is_not_applied_as_an_object() -> None:
    tree = memory_tree({"app/x.yaml": config("x"), "app/sub/kustomization.yaml": "resources: []\n"})
    with pytest.raises(RenderError, match=r"app/sub/kustomization\.yaml"):
        rendered(tree)
