"""``flotilla login`` against a hub's own server: what it shows and stores, and what it does where nobody confirms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from common.domain.rights import BuiltInRole
from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.signin.device import Devices
from console.cli import login as command
from console.client.address import Chosen, choose
from console.client.contexts import file, load
from console.client.hub import connect
from tests.harness.api import TOKEN
from tests.harness.people import add_user
from tests.harness.streams import Served, served


@pytest.fixture
def hub(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:  # type: ignore[misc]  # yields
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("FLOTILLA_SERVER", "FLOTILLA_CONTEXT", "FLOTILLA_TOKEN_FILE", "FLOTILLA_HOME"):
        monkeypatch.delenv(name, raising=False)
    with served(create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)) as hub:
        choose(Chosen(server=f"http://127.0.0.1:{hub.port}"))
        yield hub
        choose(Chosen())


def meanwhile(monkeypatch: pytest.MonkeyPatch, hub: Served, do: Callable[[Devices, str], object]) -> None:
    """Let somebody answer while the command waits, which it does not do here."""

    def sleep(_seconds: float) -> None:
        devices: Devices = hub.app.state.devices
        for one in list(devices._waiting.values()):
            do(devices, one.code)

    monkeypatch.setattr("console.cli.login.time.sleep", sleep)


def test_a_code_that_is_confirmed_signs_in_and_the_token_is_its_owners_alone(
    hub: Served, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = add_user(sqlite_database, "ada", BuiltInRole.READER)
    meanwhile(monkeypatch, hub, lambda devices, code: devices.decide(code, ada))
    command.login(days=7)
    said = "".join(capsys.readouterr())
    assert f"http://127.0.0.1:{hub.port}/device?user_code=" in said
    (one,) = load().by_name.values()
    assert (one.name, load().current) == ("127.0.0.1", "127.0.0.1")
    assert one.token.startswith("flt_")
    assert one.token not in said
    assert file().stat().st_mode & 0o777 == 0o600
    choose(Chosen())
    assert connect().get("me")["actor"] == "ada"


@pytest.mark.parametrize("answer", ["refused", "nothing"])
def test_nobody_is_signed_in_whom_nobody_confirms(hub: Served, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    if answer == "nothing":
        monkeypatch.setattr(command, "_LONGEST", 0.5)
    meanwhile(monkeypatch, hub, lambda devices, code: devices.decide(code, None) if answer == "refused" else None)
    with pytest.raises(command.SignInError):
        command.login()
    assert load().by_name == {}


def test_the_hub_of_this_machine_needs_no_sign_in(hub: Served) -> None:
    assert hub
    choose(Chosen())
    with pytest.raises(command.SignInError, match="own machine"):
        command.login()
