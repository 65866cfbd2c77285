"""Fixtures of these tests."""

from tests.fixtures.mirrors import credentials, git_http_server, mirrors

__all__ = ["credentials", "git_http_server", "mirrors"]
