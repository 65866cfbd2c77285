"""Fixtures of these attacks: renderers with tight bounds, a marker that must stay untouched, a server nobody asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.web_server import Reply, WebServer, web_server
from tests.fixtures.services import unavailable
from tests.security.rendering.attacks import BOUNDS, CANARY
from workers.render.cache import RenderCache
from workers.render.faults import RendererMissingError
from workers.render.kustomize import rendering as kustomize
from workers.render.kustomize.rendering import Tool
from workers.render.renderers import Renderers


@pytest.fixture(scope="package")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderers]:
    """One for all attacks: none may spoil it for the next."""
    found = Renderers(RenderCache(tmp_path_factory.mktemp("cache")), bounds=BOUNDS)
    yield found
    found.close()


@pytest.fixture
def tool() -> Tool:
    try:
        return kustomize.tool()
    except RendererMissingError:
        unavailable("kustomize", "install kustomize or kubectl")


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that an attack would make."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "the attack ran"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of the worker's, as JSON and YAML at once, that no rendering may show."""
    path = tmp_path / "outside.json"
    path.write_text(f'{{"const": "{CANARY}"}}\n')
    return path


@pytest.fixture
def neighbour() -> Iterator[WebServer]:
    """What listens on the worker's loopback, and would answer an attack."""
    with web_server() as server:
        server.replies = {f"/{name}": Reply(content=f'{{"const": "{CANARY}"}}'.encode()) for name in ("x", "x:%20y")}
        yield server
    assert [asked.target for asked in server.asked] == [], "the attack got to the network"
