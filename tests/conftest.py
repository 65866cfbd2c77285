"""Fixtures that every kind of test may use."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = [
    "tests.controlplane.fixtures",
    "tests.fixtures.oci",
    "tests.fixtures.postgres",
    "tests.fixtures.processes",
    "tests.fixtures.redis",
]

# How long an example takes says more of what else the machine is doing than of the code: a timing is never a test.
settings.register_profile("flotilla", deadline=None)
settings.load_profile("flotilla")
