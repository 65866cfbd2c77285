"""A placement on a real, empty API server, and what people do beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.site import kubectl, site
from tests.harness.webhooks import Reviewer, reviewing

__all__ = ["kubectl", "site"]


@pytest.fixture
def reviewer(tmp_path: Path) -> Iterator[Reviewer]:
    """Return a webhook's server that admits everything until it is told otherwise."""
    with reviewing(tmp_path) as running:
        yield running
