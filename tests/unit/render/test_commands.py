"""What an operator allows, how a build of it is told from another, and which of two workers has its way."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.commands import commands_file, python
from workers.render.command.allowed import allowed
from workers.render.command.faults import CommandRefusedError, CommandsInvalidError
from workers.render.command.identity import identity
from workers.render.command.renderer import CommandRenderer
from workers.render.faults import RendererMissingError, ToolFailedError
from workers.render.protocol import Age, Machine

NAMED = {"name": "mine"}


def renderer(folder: Path, **entry: Any) -> CommandRenderer:
    """Return a worker's renderer whose one command is ``mine``."""
    folder.mkdir(exist_ok=True)
    return CommandRenderer(Machine(commands=commands_file(folder, mine={"path": sys.executable, **entry})))


def test_without_a_file_none_is_allowed() -> None:
    assert allowed(None) == {}


def test_an_entry_has_bounds_unless_it_says_others(tmp_path: Path) -> None:
    file = commands_file(tmp_path, a=python("1"), b=python("1", seconds=5, memoryMebibytes=64, outputMebibytes=1))
    found = allowed(file)
    assert [(each.cpu, each.memory, each.output) for each in found.values()] == [
        (timedelta(seconds=30), 1 << 30, 64 << 20),
        (timedelta(seconds=5), 64 << 20, 1 << 20),
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"path": "cue"}, "commands.mine.path: Value error, write an absolute path"),
        ({"path": "/usr/../bin/cue"}, "write an absolute path, without '..'"),
        ({"path": "/bin/a\0b"}, "commands.mine.path"),
        ({"path": "/bin/a", "shell": True}, "commands.mine.shell: Extra inputs"),
        ({"path": "/bin/a", "arguments": "x y"}, "commands.mine.arguments"),
        ({"path": "/bin/a", "environment": {"LD_PRELOAD": "/x.so"}}, "is no LD_"),
        ({"path": "/bin/a", "environment": {"FLOTILLA_VALUES": "x"}}, "FLOTILLA_"),
        ({"path": "/bin/a", "environment": {"PATH": "/bin"}}, "PATH"),
        ({"path": "/bin/a", "environment": {"A=B": "/bin"}}, "a variable has letters"),
        ({"path": "/bin/a", "version": "1, plain 2"}, "a version has at most 20"),
        ({"path": "/bin/a", "seconds": 0}, "commands.mine.seconds"),
        ({"path": "/bin/a", "seconds": 86400}, "commands.mine.seconds"),
        ({}, "commands.mine.path: Field required"),
    ],
)
def test_a_malformed_entry_is_refused_with_its_place(tmp_path: Path, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandsInvalidError, match=r"commands\.yaml, which FLOTILLA_RENDER_COMMANDS names") as caught:
        allowed(commands_file(tmp_path, mine=entry))
    assert said in caught.value.message or "\0" in str(entry)
    assert "operator" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "a: [", "[]", "commands: {../x: {path: /bin/a}}", "commands: {a: 1}\n---\nb: 1"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "c.yaml").write_text(text)
    file.chmod(0o600)
    with pytest.raises(CommandsInvalidError):
        allowed(file)


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o602])
def test_a_file_that_others_could_write_to_allows_nothing(tmp_path: Path, mode: int) -> None:
    file = commands_file(tmp_path, mine=python("1"))
    file.chmod(mode)
    with pytest.raises(CommandsInvalidError, match="others than root and this worker's user could write to it"):
        allowed(file)


def test_a_file_that_is_missing_or_relative_allows_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.yaml", Path("commands.yaml"), tmp_path):
        with pytest.raises(CommandsInvalidError):
            allowed(path)


def test_a_command_that_is_not_allowed_is_refused_by_name(tmp_path: Path) -> None:
    mine = renderer(tmp_path)
    with pytest.raises(CommandRefusedError, match=r"'other' is not allowed on this worker \(allowed: mine\)") as caught:
        mine.version({"name": "other"})
    assert "FLOTILLA_RENDER_COMMANDS" in caught.value.remedy
    with pytest.raises(CommandRefusedError, match="none is"):
        CommandRenderer(Machine()).version(NAMED)


def program(folder: Path, text: str) -> Path:
    (path := folder / "program").write_text(text)
    path.chmod(0o755)
    return path


def test_another_build_is_another_identity_and_an_equal_one_is_the_same(tmp_path: Path) -> None:
    """By all that it consists of; not by when it was written."""
    path, extra = program(tmp_path, "one"), tmp_path / "extra"
    extra.mkdir()
    (extra / "a").write_text("a")

    def now(**entry: Any) -> str:
        given = {"path": str(path), "version": "1.2", "reads": [str(extra)], **entry}
        return identity(allowed(commands_file(tmp_path, mine=given))["mine"])

    first = now()
    assert first.startswith("1.2+")
    assert len(f"command {'v' * 20}+{first.partition('+')[2]}") <= 64, "it would not fit where it is stored"
    path.write_text("one")
    assert now() == first
    seen = {first}
    for changed, text in ((path, "two"), (extra / "a", "b"), (extra / "b", "b")):
        changed.write_text(text)
        seen.add(now())
    seen |= {now(arguments=["x"]), now(environment={"A": "b"}), now(version="1.3")}
    assert len(seen) == 7
    assert now(seconds=7) == now(), "a bound shapes no manifest"


def test_a_program_tells_its_version(tmp_path: Path) -> None:
    entry = python("print('1')", versionArguments=["-I", "-S", "-c", "print('mine v3.4.5 (linux)')"])
    assert identity(allowed(commands_file(tmp_path, mine=entry))["mine"]).startswith("3.4.5+")
    entry["versionArguments"][-1] = "print('none')"
    with pytest.raises(ToolFailedError, match="does not tell its version"):
        identity(allowed(commands_file(tmp_path, mine=entry))["mine"])


def test_a_program_that_is_missing_or_that_others_could_replace_is_not_run(tmp_path: Path) -> None:
    path = program(tmp_path, "one")
    file = commands_file(tmp_path, mine={"path": str(path)}, gone={"path": str(tmp_path / "gone")})
    with pytest.raises(RendererMissingError, match=r"the command gone cannot be used .*No such file"):
        identity(allowed(file)["gone"])
    path.chmod(0o777)
    with pytest.raises(RendererMissingError, match="others than root and this worker's user could write to it"):
        identity(allowed(file)["mine"])


def resolved(one: CommandRenderer, stored: str, age: Age) -> str:
    """Return what is stored after a worker looked at a source that another resolved."""
    return one.version(NAMED) if one.supersedes(stored, age, NAMED) else stored


def test_a_newer_version_supersedes_and_an_older_one_never_does(tmp_path: Path) -> None:
    old, new = renderer(tmp_path / "a", version="1.9.0"), renderer(tmp_path / "b", version="1.10.0")
    assert new.supersedes(old.version(NAMED), Age.SINCE, NAMED)
    assert not old.supersedes(new.version(NAMED), Age.BEFORE, NAMED)


def test_two_builds_of_one_version_do_not_undo_each_other(tmp_path: Path) -> None:
    """Whoever started after it was resolved has its way, once; what comes later in its life is left as it is."""
    one, other = (renderer(tmp_path / name, version="1", arguments=[name]) for name in ("a", "b"))
    stored = one.version(NAMED)
    stored = resolved(other, stored, Age.BEFORE)
    assert stored == other.version(NAMED)
    for worker in (one, other):
        assert resolved(worker, stored, Age.SINCE) == stored


def test_a_worker_without_the_command_leaves_what_another_resolved(tmp_path: Path) -> None:
    stored = renderer(tmp_path, version="1").version(NAMED)
    assert not CommandRenderer(Machine()).supersedes(stored, Age.BEFORE, NAMED)


def test_a_refusal_is_over_where_the_command_is_allowed(tmp_path: Path) -> None:
    mine = renderer(tmp_path)
    assert mine.cures(CommandRefusedError.code, NAMED)
    assert not mine.cures(CommandRefusedError.code, {"name": "other"})
    assert not mine.cures(CommandRefusedError.code, {})
    assert not mine.cures("render.invalid", NAMED)
    assert not CommandRenderer(Machine()).cures(CommandRefusedError.code, NAMED)


def test_the_file_is_read_again_where_it_changed(tmp_path: Path) -> None:
    file = commands_file(tmp_path, mine=python("1"))
    mine = CommandRenderer(Machine(commands=file))
    before = mine.version(NAMED)
    file.write_text(yaml.safe_dump({"commands": {"mine": python("2")}}))
    assert mine.version(NAMED) != before
