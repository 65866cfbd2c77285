"""A hub over simulated clusters, and what it sends in whose name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.db.session import Database
from simulator.server import running_simulator
from tests.integration.hub.harness import StepHub
from workers.kube.client import Answer, Client


@pytest.fixture
def hub(sqlite_database: Database, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub over a simulated cluster."""
    with running_simulator(["eu"]) as running:
        made = StepHub(sqlite_database, running, tmp_path)
        yield made
        made.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: in whose name, and for which run."""

    method: str
    path: str
    account: str
    agent: str

    @property
    def of_a_run(self) -> bool:
        """Whether a run sent it for an object."""
        return "run " in self.agent and self.path.partition("?")[0] not in {"/api", "/apis", "/version"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Return what is sent to clusters from now on."""
    found: list[Sent] = []
    real = Client.send

    def recording(self: Client, method: str, path: str, headers: Any, body: Any = None) -> Answer:
        found.append(Sent(method, path, headers.get("Impersonate-User", ""), headers.get("User-Agent", "")))
        return real(self, method, path, headers, body)

    monkeypatch.setattr(Client, "send", recording)
    return found
