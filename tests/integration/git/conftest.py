"""Fixtures of these tests."""

from __future__ import annotations

import pytest

from common.domain.refs import GitRef
from tests.fakes.git_server import GitServer, Origin
from tests.fixtures.mirrors import credentials, git_http_server, mirrors

__all__ = ["credentials", "git_http_server", "mirrors"]


@pytest.fixture
def origin(git_http_server: GitServer) -> Origin:
    """A repository on the server."""
    return git_http_server.origin("app")


@pytest.fixture
def main(git_http_server: GitServer) -> GitRef:
    """The branch of it that is followed."""
    return GitRef.read(git_http_server.url("app"), "", "refs/heads/main")
