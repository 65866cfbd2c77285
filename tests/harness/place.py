"""One cluster, real or simulated, and what people do on it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from simulator.server import running_simulator
from tests.controlplane.runner import ControlPlane

NAME = "eu"
QUICK = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster; as ``StepHub`` needs clusters, too.

    Attributes:
        server: URL.
        config: an administrator's kubeconfig.
        people: a client for what people and controllers do.
    """

    server: str
    config: dict[str, Any]
    people: httpx.Client

    def url(self, name: str) -> str:
        """Return the URL, whatever the name."""
        assert name
        return self.server

    def kubeconfig(self, name: str) -> dict[str, Any]:
        """Return the kubeconfig, whatever the name."""
        assert name
        return self.config


def real(plane: ControlPlane) -> Iterator[Place]:
    with plane.client() as people:
        yield Place(plane.server, plane.kubeconfig(), people)


def simulated(ready_after: timedelta | None) -> Iterator[Place]:
    with running_simulator([NAME], ready_after=ready_after) as running:
        context = ssl.create_default_context(cadata=running.authority.decode())
        headers = {"Authorization": f"Bearer {running.token(NAME)}"}
        with httpx.Client(base_url=running.url(NAME), verify=context, headers=headers) as people:
            yield Place(running.url(NAME), running.kubeconfig(NAME), people)
