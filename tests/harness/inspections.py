"""Asks a hub that is taken step by step for looks at its clusters, as people do."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from console.api.app import create_app
from console.client.hub import Hub
from console.client.transports import in_process_client, of_app
from tests.harness.hub import StepHub

TOKEN = "t" * 32


class _Stepping(Hub):
    """A client at whose every look at an inspection scheduler and worker take a step."""

    def __init__(self, app: FastAPI, hub: StepHub) -> None:
        inner = of_app(app, TOKEN, "here")
        super().__init__(inner.send, TOKEN, "here")
        self._hub = hub

    def get(self, target: str, **query: Any) -> Any:
        if target.startswith("inspections/"):
            self._hub.tick()
            self._hub.work()
        return super().get(target, **query)


class Asking:
    """Asks about one placement.

    Args:
        hub: whose API is asked.
        placement: ``CLUSTER/APP``.
    """

    def __init__(self, hub: StepHub, placement: str) -> None:
        self._hub, self._placement = hub, placement
        self.app = create_app(hub.settings, hub.database, token=TOKEN)
        self.client = _Stepping(self.app, hub)

    def post(self, what: str, **asked: Any) -> dict[str, Any]:
        """Return what the API says to a question."""
        body = {"placement": self._placement, "what": what, **asked}
        found: dict[str, Any] = self.client.send_body("POST", "inspections", body)
        return found

    def get(self, id_: str) -> dict[str, Any]:
        """Return an inspection as it stands; nobody takes a step for it."""
        found: dict[str, Any] = super(_Stepping, self.client).get(f"inspections/{id_}")
        return found

    def ended(self, what: str, **asked: Any) -> dict[str, Any]:
        """Return an inspection once it was carried out."""
        id_ = self.post(what, **asked)["id"]
        self._hub.dispatcher.tick()
        self._hub.work()
        return self.get(id_)

    def __call__(self, what: str, **asked: Any) -> dict[str, Any]:
        """Return the answer to a question."""
        found = self.ended(what, **asked)
        assert found["state"] == "answered", found["error"]
        answer: dict[str, Any] = found[what]
        return answer

    def failed(self, what: str, **asked: Any) -> dict[str, Any]:
        """Return why a question has no answer."""
        found = self.ended(what, **asked)
        assert found["state"] == "failed", found
        why: dict[str, Any] = found["error"]
        return why

    async def answer(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Return the API's bare answer to a request."""
        async with in_process_client(self.app, TOKEN) as client:
            return await client.request(method, path, json=body)
