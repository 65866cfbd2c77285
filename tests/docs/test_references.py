"""The references name what there is: no more, no less."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from typer.core import TyperGroup

from common.registry.carried_out import NOT_YET
from common.settings import Settings
from console.cli.main import COMMANDS, load
from console.client.address import VARIABLES
from workers.sync.health.operators import OPERATORS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def headings(page: str) -> list[str]:
    return re.findall(r"^### `flotilla (.+)`$", (DOCS / page).read_text(), re.MULTILINE)


def commands() -> Iterator[str]:
    for entry in COMMANDS:
        command = load(entry.name)
        if isinstance(command, TyperGroup):
            yield from (f"{entry.name} {child}" for child in command.commands)
        else:
            yield entry.name


def first_column(page: Path) -> list[str]:
    rows = [line.split("|")[1] for line in page.read_text().splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_command_is_described_once() -> None:
    assert sorted(headings("reference/cli.md")) == sorted(commands())


def test_no_page_names_a_command_that_is_not_there() -> None:
    known = {name.split()[0] for name in commands()}
    named = [(page, word) for page in PAGES for word in re.findall(r"`flotilla ([a-z]+)", page.read_text())]
    assert named
    assert [f"{page.name}: {word}" for page, word in named if word not in known] == []


def test_every_operators_kind_is_named() -> None:
    page = (DOCS / "reference" / "health.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (`.*) \|$", page, re.MULTILINE)
    assert sorted((group, kind) for group, kinds in rows for kind in re.findall(r"`([^`]+)`", kinds)) == sorted(
        OPERATORS
    )


def test_every_setting_is_described_once() -> None:
    wanted = sorted([*(f"FLOTILLA_{name.upper()}" for name in Settings.model_fields), *VARIABLES])
    assert sorted(first_column(DOCS / "reference" / "settings.md")) == wanted


def test_every_plain_default_is_the_one_that_is_told() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    told = dict(re.findall(r"^\| `FLOTILLA_(\w+)` \| `([^`]+)` \|", page, re.MULTILINE))
    plain = {name: field.default for name, field in Settings.model_fields.items() if _is_plain(field.default)}
    read = Settings.model_validate({name: told[name.upper()] for name in plain})
    assert {name: getattr(read, name) for name in plain} == plain


def _is_plain(default: object) -> bool:
    return isinstance(default, (bool, int, timedelta)) or (isinstance(default, str) and bool(default))


def test_make_help_fits_80_columns_and_names_every_target() -> None:
    # Within `make test` it would say which folder it enters.
    command = ("make", "--no-print-directory", "help")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    targets = re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[0] for line in lines] == targets


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["simulator"], *extras["mcp"]]
    wanted = {re.split(r"[\[~=<>]", each)[0] for each in asked}
    assert set(first_column(DOCS / "adr" / "0008-dependencies.md")) == wanted


def test_every_link_between_pages_leads_somewhere() -> None:
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link
    ]
    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_every_test_that_a_page_names_exists() -> None:
    named = [(page, path) for page in PAGES for path in re.findall(r"`(tests/[\w./]+)`", page.read_text())]
    assert named
    assert [f"{page.name}: {path}" for page, path in named if not (ROOT / path).exists()] == []


WORDS = {
    "strategy": "strategies",
    "dependsOn": "`dependsOn`",
    "sync.windows": "SyncWindows",
    "notify": "notifications",
}
"""What the README calls each thing that is refused as not yet carried out."""


def test_the_readme_lists_what_is_not_yet_carried_out() -> None:
    section = (ROOT / "README.md").read_text().partition("## Not yet")[2].partition("\n## ")[0]
    refused = {".".join(entry.path[1:]) for entry in NOT_YET}
    assert refused == set(WORDS)
    assert [words for words in WORDS.values() if words not in " ".join(section.split())] == []
