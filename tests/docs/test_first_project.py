"""The Project that the docs give to begin with takes in what a registry without projects may do."""

from __future__ import annotations

import re
from pathlib import Path

from common.registry.parse import parse
from tests.harness import texts

PAGE = Path(__file__).parents[2] / "docs/how-to/sign-in.md"


def _faults(project: str, more: str) -> list[str]:
    application = texts.application(more=f"  createNamespace: true\n{more}")
    files = texts.registry() | {"projects.yaml": project, "applications/pay.yaml": application}
    return [str(fault) for fault in parse({file: text.encode() for file, text in files.items()}).faults]


def test_the_first_project_refuses_nothing_that_names_it() -> None:
    found = re.search(r"### The first Project.*?```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert _faults(found[1], "  project: everything\n") == []
    (fault,) = _faults(found[1], "")
    assert "names no project" in fault
