"""A rendered template is taken apart as Helm does it, to the byte."""

from __future__ import annotations

import pytest

from workers.render.helm.documents import documents, left_out

ONE = "a: |\n  x\n  y"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ONE}\n---\nb: 1\n", [f"{ONE}\n", "b: 1\n\n"]),
        (ONE, [f"{ONE}\n"]),
        (f"\n\n{ONE}\n\n\n---   \n\n\nb: 1", [f"{ONE}\n", "b: 1\n"]),
        (f"--- # first\n{ONE}\n---\n---\n", [f"# first\n{ONE}\n", "---\n\n"]),
        (f"{ONE}\r\n---\r\nb: 1\r\n", [f"{ONE}\n", "b: 1\r\n\n"]),
        ("a: 1\n---b: 2\n", ["a: 1\n", "b: 2\n\n"]),
        ("a: 1\n...\n---\nb: 2", ["a: 1\n...\n", "b: 2\n"]),
        ("a: 1 \t\n \n---\nb: 2", ["a: 1\n", "b: 2\n"]),
        (" \n\t\n", []),
        ("a: 1\u00a0\n---\nb: 2", ["a: 1\u00a0\n", "b: 2\n"]),
    ],
)
def test_documents_are_what_helm_makes_of_a_template(text: str, expected: list[str]) -> None:
    assert [document for _, document in documents(text)] == expected


def test_each_document_knows_how_many_lines_stand_before_it() -> None:
    text = "\n# one\na: 1\n\n---\n\nb: 2\n---\nc: 3\n"
    assert [above for above, _ in documents(text)] == [1, 6, 8]
    for above, document in documents(text):
        assert text.split("\n")[above] == document.split("\n")[0]


@pytest.mark.parametrize(
    ("hooks", "tests", "told"),
    [
        ("", True, None),
        ("pre-install", True, None),
        ("Pre-Install, post-upgrade", True, None),
        ("test", True, ""),
        (" Test-Success ,test", True, ""),
        ("test,post-install", True, None),
        ("test,post-install", False, ""),
        ("crd-install", False, None),
        ("pre-install,later", True, "'later'"),
    ],
)
def test_what_helm_would_not_install_is_left_out(hooks: str, tests: bool, told: str | None) -> None:  # noqa: FBT001
    manifest = {"metadata": {"annotations": {"helm.sh/hook": hooks}}}
    assert left_out(manifest, tests=tests) == told


def test_a_hook_of_another_tool_is_not_left_out() -> None:
    annotations = {"helm.sh/hook": "later", "argocd.argoproj.io/hook": "PostSync"}
    assert left_out({"metadata": {"annotations": annotations}}, tests=True) is None
    assert left_out({"metadata": None}, tests=True) is None
