"""Small rules of the console: words, tokens, throttling, exposure, the offline commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.domain.errors import FlotillaError
from common.settings import Settings
from console.api.__main__ import ExposedError, refuse_exposure
from console.cli.layout import folded
from console.cli.main import COMMANDS, app, load
from console.cli.output import paint
from console.token import TokenFileError, load_or_make_token, same
from console.words import age, short, took

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (90_000, "1 d"), (-5, "0 s")]
)
def test_an_age_is_said_in_its_largest_unit(seconds: int, said: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), now=NOW) == said


def test_what_never_was_is_never() -> None:
    assert age(None, now=NOW) == "never"
    assert took(None, NOW) == ""


def test_durations_and_commits_are_short() -> None:
    assert took(NOW, NOW + timedelta(seconds=1.23)) == "1.2 s"
    assert took(NOW, NOW + timedelta(seconds=50)) == "50 s"
    assert took(NOW, NOW + timedelta(minutes=5)) == "5 min"
    assert short("0123456789abcdef") == "01234567"


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    token = load_or_make_token(settings)
    assert len(token) >= 43
    assert load_or_make_token(settings) == token
    assert (tmp_path / "home" / "api.token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    load_or_make_token(settings)
    (tmp_path / "api.token").chmod(0o644)
    with pytest.raises(TokenFileError, match="can be read by others"):
        load_or_make_token(settings)


def test_an_empty_token_admits_nobody(tmp_path: Path) -> None:
    path = tmp_path / "api.token"
    path.touch(mode=0o600)
    with pytest.raises(TokenFileError, match="empty"):
        load_or_make_token(Settings(home=tmp_path))


def test_only_the_token_is_the_token() -> None:
    assert same("abc", "abc")
    assert not same("", "abc")
    assert not same("äbc", "abc")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_needs_no_certificate(host: str) -> None:
    refuse_exposure(Settings(api_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "hub.example.com", "localhost.example.com"])
def test_other_addresses_need_a_certificate_or_a_proxy(host: str) -> None:
    with pytest.raises(ExposedError):
        refuse_exposure(Settings(api_host=host))
    refuse_exposure(Settings(api_host=host, behind_proxy=True))
    refuse_exposure(Settings(api_host=host, api_tls_cert=Path("a"), api_tls_key=Path("b")))


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert folded("web\x1b[31m\nof\tus") == "web[31m of us"
    paint(("web\x1b[31m [bold]x\x07", "red"))
    assert capsys.readouterr().out == "web[31m [bold]x\n"


def test_a_started_registry_is_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    runner = CliRunner()
    assert runner.invoke(app, ["init", str(folder)]).exit_code == 0
    assert runner.invoke(app, ["validate", str(folder)]).exit_code == 0
    again = runner.invoke(app, ["init", str(folder)])
    assert isinstance(again.exception, FlotillaError)
    assert "not empty" in str(again.exception)


def test_a_fault_is_named_by_file_and_line_and_fails(tmp_path: Path) -> None:
    runner = CliRunner()
    runner.invoke(app, ["init", str(tmp_path / "fleet")])
    path = tmp_path / "fleet" / "clusters.yaml"
    path.write_text(path.read_text().replace("credentials:", "credential:"))
    done = runner.invoke(app, ["validate", str(tmp_path / "fleet")])
    assert done.exit_code == 1
    assert "clusters.yaml:10:" in done.output
    assert "credentials" in done.output


GROUPS = {"app", "database", "scheduler", "user", "tokens", "sessions"}


def test_every_command_shows_an_example() -> None:
    runner = CliRunner()
    for command in [entry.name for entry in COMMANDS if entry.attribute not in GROUPS]:
        shown = runner.invoke(app, [command, "--help"])
        assert shown.exit_code == 0, command
        assert "Example:" in shown.output, command


def test_schemas_are_printed_by_kind() -> None:
    runner = CliRunner()
    assert '"$schema"' in runner.invoke(app, ["schema", "Application"]).output
    assert runner.invoke(app, ["schema", "Aplication"]).exit_code == 2


def test_the_line_in_the_list_of_commands_is_how_the_command_describes_itself() -> None:
    for entry in COMMANDS:
        command = load(entry.name)
        assert command.help.startswith(entry.help.rstrip(".")), entry.name


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["statsu"], "There is no command 'statsu'; did you mean 'status'?"),
        (["status", "-o", "jsn"], "'jsn' is no form of output; did you mean 'json'?"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest(words: list[str], told: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
