"""Where the hub is: what the command was told, else the environment, else the current context, else this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.domain.errors import PermanentError
from common.settings import Settings
from console.cli.main import app
from console.client.address import (
    VARIABLES,
    AddressSettingsError,
    Chosen,
    ElsewhereError,
    address,
    choose,
    on_this_machine,
)
from console.client.contexts import Context, ContextError, Contexts, file, load, update
from console.client.hub import connect
from console.errors import HubUnreachableError

EU, US = "https://eu.example.com", "https://us.example.com:8443/hub"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("FLOTILLA_HOME", "FLOTILLA_API_TOKEN_FILE", "FLOTILLA_API_URL", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield
    choose(Chosen())


@pytest.fixture
def two() -> Contexts:
    """Two contexts, the first of them current."""
    both = Contexts().having(Context("eu", EU, token="eu-token")).having(Context("us", US, token="us-token"))
    return update(lambda _: both.using("eu"))


@pytest.mark.parametrize(
    "given", [{}, {"FLOTILLA_HOME": "/srv/hub"}, {"FLOTILLA_API_TOKEN_FILE": "/run/secrets/token"}]
)
def test_the_hub_on_this_machine_is_where_the_settings_say(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found, config = address(), Settings()
    assert (found.home, found.server, found.socket) == (config.home, "", config.api_socket)
    assert found.token_file == (config.api_token_file or config.home / "api.token")


@pytest.mark.usefixtures("two")
def test_the_current_context_is_asked_until_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (address().server, address().shown_token()) == (EU, "eu-token")
    monkeypatch.setenv("FLOTILLA_CONTEXT", "us")
    assert (address().server, address().shown_token()) == (US, "us-token")
    choose(Chosen(context="local"))
    assert address().server == ""
    choose(Chosen(server=EU))
    assert (address().context, address().shown_token()) == ("eu", "eu-token")


@pytest.mark.usefixtures("two")
def test_who_names_the_folder_of_a_hub_means_that_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path))
    assert (address().server, address().home) == ("", tmp_path)


@pytest.mark.usefixtures("two")
def test_a_token_goes_to_the_hub_it_was_given_for_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("FLOTILLA_TOKEN_FILE", str(tmp_path / "token"))
    assert address().shown_token() == "eu-token", "a context has its own"
    monkeypatch.setenv("FLOTILLA_SERVER", EU)
    assert address().shown_token() == "from-a-file"
    choose(Chosen(server=US))
    assert address().shown_token() == "us-token", "the variable's is for the variable's server"
    choose(Chosen(server="https://third.example.com"))
    assert address().shown_token() == ""
    with pytest.raises(HubUnreachableError, match=r"no token to show to the hub at https://third\.example\.com"):
        connect()


def test_two_answers_to_where_are_refused() -> None:
    choose(Chosen(server=EU, context="eu"))
    with pytest.raises(AddressSettingsError, match="exclude each other"):
        address()


def test_the_former_variable_is_refused_rather_than_another_hub_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOTILLA_API_URL", EU)
    with pytest.raises(AddressSettingsError) as refused:
        address()
    assert "FLOTILLA_SERVER" in refused.value.remedy


@pytest.mark.usefixtures("two")
def test_what_works_on_the_hubs_machine_alone_says_so_elsewhere() -> None:
    with pytest.raises(ElsewhereError, match=r"rendering works on the hub's own machine, and the hub is https://eu"):
        on_this_machine("rendering")
    choose(Chosen(context="local"))
    on_this_machine("rendering")


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("https://Hub.Example.com/", "https://hub.example.com"),
        ("https://hub.example.com:8443/flotilla/", "https://hub.example.com:8443/flotilla"),
        ("http://127.0.0.1:7780", "http://127.0.0.1:7780"),
        ("http://[::1]:7780", "http://[::1]:7780"),
    ],
)
def test_a_hub_has_one_spelling(given: str, spelt: str) -> None:
    choose(Chosen(server=given))
    assert address().server == spelt


@pytest.mark.parametrize(
    "given",
    [
        "http://hub.example.com", "http://127.0.0.1.example.com", "http://localhost@example.com", "ftp://hub", "hub",
        "https://", "https://user:secret@hub", "https://hub/?a=b", "https://hub/#a", "https://hub:99999", "https://h b",
        "https://hub\r\nX: y", "https://[::1", "file:///etc/passwd", "https://hüb.example.com", "//hub", "https:/hub",
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_not_safe_is_refused(given: str) -> None:
    choose(Chosen(server=given))
    with pytest.raises(ContextError) as refused:
        address()
    assert "secret" not in str(refused.value)


def test_contexts_are_their_owners_alone(two: Contexts) -> None:
    assert load() == two
    assert (file().stat().st_mode & 0o777, file().parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "eu-token" not in repr(two)
    file().chmod(0o640)
    with pytest.raises(ContextError, match="can be read by others"):
        load()


def test_no_half_written_or_left_over_file_is_there(two: Contexts) -> None:
    with pytest.raises(ContextError):
        update(lambda known: known.without("nowhere"))
    assert load() == two
    assert sorted(one.name for one in file().parent.iterdir()) == ["contexts.json", "contexts.lock"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "{}", '{"current":"a","contexts":[]}', '{"current":"a","contexts":{"a":{}}}',
        '{"current":"a","contexts":{"a":{"server":"http://hub.example.com"}}}', "[" * 100_000, "\ud800",
        '{"current":"a","contexts":{"a b":{"server":"https://h"}}}', '{"current":"a","contexts":{"a":{"server":7}}}',
        '{"current":[],"contexts":{}}', " " * (1024 * 1024 + 1),
        json.dumps({"current": "a", "contexts": {"a": {"server": "https://h", "token": "a\r\nX: y"}}}),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_told_as_that(text: str) -> None:
    file().parent.mkdir(parents=True)
    file().write_bytes(text.encode(errors="surrogatepass"))
    file().chmod(0o600)
    with pytest.raises(PermanentError):
        load()


def test_the_current_context_ends_with_itself(two: Contexts) -> None:
    assert two.without("eu").current == "local"
    assert two.without("us").current == "eu"
    with pytest.raises(ContextError, match="'eo'; known: eu, local, us"):
        two.named("eo")


def test_a_relative_configuration_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert file() == Path(os.path.expanduser("~/.config/flotilla/contexts.json"))


@pytest.mark.parametrize("command", ["token", "doctor"])
def test_a_current_context_elsewhere_makes_nothing_here(two: Contexts, command: str, tmp_path: Path) -> None:
    assert two.current
    answer = CliRunner().invoke(app, [command])
    assert isinstance(answer.exception, ElsewhereError)
    assert not list(tmp_path.rglob("api.token"))
