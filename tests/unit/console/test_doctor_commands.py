"""What ``flotilla doctor`` says of the commands that an operator allows."""

from __future__ import annotations

from pathlib import Path

from common.sandbox.layers import Held, Layer
from common.settings import Settings
from console.cli.doctor import command_findings
from tests.fakes.commands import commands_file, python

ALL = Held(frozenset(Layer))


def told(folder: Path, file: Path | None, held: Held = ALL) -> list[tuple[str, str]]:
    config = Settings(home=folder, render_commands=file)
    return [(found.what, found.state) for found in command_findings(config, held)]


def test_without_commands_nothing_is_said(tmp_path: Path) -> None:
    assert told(tmp_path, None) == []


def test_each_command_is_told_with_its_identity(tmp_path: Path) -> None:
    file = commands_file(tmp_path, mine=python("1", version="1.2"), gone={"path": "/nowhere/gone"})
    assert told(tmp_path, file) == [("render command gone", "failed"), ("render command mine", "ok")]
    (_, found) = command_findings(Settings(home=tmp_path, render_commands=file), ALL)
    assert ", 1.2+" in found.detail


def test_where_nothing_can_be_confined_it_is_said_that_none_is_run(tmp_path: Path) -> None:
    file = commands_file(tmp_path, mine=python("1"))
    assert told(tmp_path, file, Held(frozenset({Layer.FILES}))) == [("render command mine", "failed")]


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, tmp_path / "gone.yaml") == [("render commands", "failed")]
