"""Schedulers on both databases."""

from __future__ import annotations

import pytest

from common.db.session import Database
from tests.integration.scheduler.harness import Steps


@pytest.fixture
def steps(database: Database) -> Steps:
    return Steps(database)
