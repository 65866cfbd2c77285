"""Fixtures that every kind of test may use."""

from __future__ import annotations

pytest_plugins = [
    "tests.controlplane.fixtures",
    "tests.fixtures.oci",
    "tests.fixtures.postgres",
    "tests.fixtures.redis",
]
