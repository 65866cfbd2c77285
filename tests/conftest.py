"""Fixtures that every kind of test may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.controlplane.fixtures",
    "tests.fixtures.oci",
    "tests.fixtures.s3",
    "tests.fixtures.postgres",
    "tests.fixtures.processes",
    "tests.fixtures.redis",
]

# How long an example takes says more of what else the machine is doing than of the code: a timing is never a test.
# CI tries the same examples every time, so that a change is judged and not luck; at home others are tried, and what
# fails prints how to have it again.
settings.register_profile(
    "flotilla",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("flotilla")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector what is collected: it stays until the end, and is most of what there is."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
