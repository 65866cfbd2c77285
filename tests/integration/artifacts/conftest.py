"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.settings import Settings
from common.sources.sources import Sources, sources_from
from tests.fakes.web_server import WebServer, web_server


@pytest.fixture
def credentials(tmp_path: Path) -> DirectoryProvider:
    return DirectoryProvider(tmp_path / "credentials")


@pytest.fixture
def sources(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Sources]:
    found = sources_from(Settings(home=tmp_path, allow_loopback_http=True), credentials)
    yield found
    found.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server
