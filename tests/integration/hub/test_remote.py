"""Every command against a hub elsewhere says what it says on the hub's own machine, or that it works there alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from common.settings import Settings
from console.api.app import create_app
from console.cli import main
from console.client import transports
from console.client.address import VARIABLES
from console.client.hub import Hub
from console.client.transports import of_app
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.served import served
from tests.integration.hub.test_flow import web

__all__ = ["web"]
TOKEN = "a-token-of-some-length-for-this-test"
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: [no mapping]\n"
READS: dict[str, list[str]] = {
    "status": ["--all"], "why": ["eu/web"], "commit": ["COMMIT"], "versions": ["web"], "compare": ["eu/web", "us/web"],
    "explain": ["eu/web"], "runs": ["eu/web"], "run": ["RUN"], "events": ["--kind", "run.ended"],
    "audit": ["--action", "pause"],
    "drift": [], "orphans": [], "approvals": [], "cluster list": [], "tree": ["eu/web"],
    "user list": [], "tokens list": ["--all"], "sessions list": [],
}  # fmt: skip
SAYINGS: dict[str, list[str]] = {
    "diff": ["eu/web"], "logs": ["eu/web"], "sync": ["us/web", "--wait"], "refresh": [],
    "pause": ["us/web", "--reason", "a freeze"],
    "resume": ["us/web"], "approve": ["7", "--reason", "fine"], "reject": ["7"], "plan": ["REGISTRY"],
    "user add": ["ada"], "user set": ["ada", "--role", "reader"], "user password": ["ada"], "user disable": ["ada"],
    "user enable": ["ada"], "user remove": ["ada"], "tokens create": ["ci", "--project", "nowhere"],
    "tokens revoke": ["99"], "sessions end": ["99"], "operate": ["eu/web", "ConfigMap/web", "restart"],
}  # fmt: skip
"""Without -o json, or with it of another form."""
HERE: dict[str, list[str]] = {
    "render": ["eu/web"], "plan --live": ["REGISTRY"], "cluster add": ["eu", "--kubeconfig", "k"],
    "cluster rotate": ["eu", "--kubeconfig", "k"], "cluster check": ["eu"],
}  # fmt: skip
OTHERS = frozenset({"init", "validate", "schema", "health", "import", "contexts", "mcp", "login"})
"""They ask no hub, or, as ``mcp``, on and on; that one has tests of its own."""
VARYING = re.compile(r"flt_\w+|\d+ (s|min|h)\b|[0-9a-f]{12,}|\brequest \d+|-[0-9a-f]{4}\b|\d+\.\d s|\"id\": \"?[\d.x]+")

LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:")
"""A line of the scheduler's or worker's, who work in the same process here."""


@pytest.fixture
def app(web: StepHub) -> FastAPI:
    return create_app(Settings(home=web.settings.home), web.database, token=TOKEN)


@pytest.fixture
def ask(web: StepHub, app: FastAPI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """A command, either ``here`` or ``there``; scheduler and worker take a turn whenever it looks again."""
    for name in ("FLOTILLA_HOME", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "token").write_text(TOKEN)
    plain = Hub.get

    def going(self: Hub, target: str, **query: Any) -> Any:
        if target.partition("/")[0] in {"intents", "inspections", "runs"}:
            web.settle(1)
        return plain(self, target, **query)

    monkeypatch.setattr(Hub, "get", going)
    monkeypatch.setattr(transports, "in_process", lambda: of_app(app, TOKEN, "here"))
    with served(app) as url:
        where = {"here": {"FLOTILLA_HOME": str(tmp_path / "none")}}
        where["there"] = {"FLOTILLA_SERVER": url, "FLOTILLA_TOKEN_FILE": str(tmp_path / "token")}

        def run(place: str, *words: str) -> Result:
            return CliRunner().invoke(main.app, words, env={"COLUMNS": "300", **where[place]})

        yield run


def _filled(web: StepHub, words: list[str], folder: Path) -> list[str]:
    (folder / "fleet").mkdir(exist_ok=True)
    (folder / "fleet" / "fleet.yaml").write_text(web.git.files[REGISTRY.repo]["fleet.yaml"])
    known = {"COMMIT": web.git._id(APPS, 2), "RUN": web.runs("eu/web")[0].id, "REGISTRY": str(folder / "fleet")}
    return [str(known.get(word, word)) for word in words]


def _steady(result: Result) -> tuple[int, list[str]]:
    lines = (line for line in result.output.splitlines() if not LOGGED.match(line))
    return result.exit_code, [" ".join(VARYING.sub("#", line).split()) for line in lines]


def test_every_command_has_its_place_here() -> None:
    known = set()
    for entry in main.COMMANDS:
        command = main.load(entry.name)
        is_group = isinstance(command, TyperGroup) and entry.name not in {"contexts", "import"}
        known |= {f"{entry.name} {one}" for one in command.commands} if is_group else {entry.name}
    placed = {*READS, *SAYINGS, *HERE, *OTHERS} - {"plan --live"}
    assert {one for one in known if one.partition(" ")[0] not in main.OF_THIS_MACHINE} == placed


@pytest.mark.parametrize("command", [*READS, *SAYINGS])
def test_a_hub_elsewhere_says_the_same(web: StepHub, ask: Callable[..., Result], tmp_path: Path, command: str) -> None:
    web.git.commit(APPS, {"web/a.yaml": BROKEN if command in {"status", "why"} else config_map("web", v="2")})
    web.settle()
    ask("here", "pause", "us/web", "--reason", "kept for the audit")
    words = [*command.split(), *_filled(web, (READS | SAYINGS)[command], tmp_path)]
    here, there = ask("here", *words), ask("there", *words)
    assert not isinstance(there.exception, KeyError | TypeError | AttributeError), there.exception
    assert str(here.exception) == str(there.exception)
    if command != "compare":
        assert _steady(here) == _steady(there)
    if command in READS:
        assert here.output
        assert _steady(ask("here", *words, "-o", "json")) == _steady(ask("there", *words, "-o", "json")) or (
            command == "compare"
        )


@pytest.mark.parametrize("command", HERE)
def test_what_works_on_the_hubs_machine_alone_says_so(
    web: StepHub, ask: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    found = ask("there", *command.split(), *_filled(web, HERE[command], tmp_path))
    assert "works on the hub's own machine, and the hub is http://127.0.0.1:" in str(found.exception)


@pytest.mark.parametrize("command", sorted(main.OF_THIS_MACHINE))
def test_processes_of_this_machine_refuse_a_hub_elsewhere(ask: Callable[..., Result], command: str) -> None:
    found = ask("here", "--server", "https://hub.example.com", command)
    assert "works on the hub's own machine, and the hub is https://hub.example.com" in str(found.exception)


def test_no_token_or_a_wrong_one_is_told_with_what_to_do(ask: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("guessed-token")
    found = ask("there", "status")
    assert "says 401" in str(found.exception)
    assert "guessed-token" not in str(found.exception)
    assert "flotilla contexts list" in getattr(found.exception, "remedy", "")
