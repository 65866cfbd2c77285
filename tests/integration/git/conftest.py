"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.sources.fetching import MirrorLimits
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp
from tests.fakes.git_server import git_http_server

__all__ = ["git_http_server"]

LIMITS = MirrorLimits(look=timedelta(seconds=15), fetch=timedelta(seconds=15))


@pytest.fixture
def credentials(tmp_path: Path) -> DirectoryProvider:
    return DirectoryProvider(tmp_path / "credentials")


@pytest.fixture
def mirrors(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Mirrors]:
    found = Mirrors(tmp_path / "mirrors", credentials, plain_http=PlainHttp.LOOPBACK, limits=LIMITS)
    yield found
    found.close()
