"""A hub over simulated clusters, and what it sends in whose name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from workers.kube.client import Answer, Client


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
