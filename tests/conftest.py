"""Fixtures that every kind of test may use."""

from __future__ import annotations

pytest_plugins: list[str] = ["tests.fixtures.postgres", "tests.fixtures.redis"]
