"""The API does what its description says, whatever it is asked: no error of ours, and no answer of another form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import BaseSchema, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from common.settings import Settings
from common.store.engine.session import Database
from console.api.app import create_app
from console.api.describe import described
from tests.harness import two_projects

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ENDLESS = {"GET /api/v1/events/stream"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FEW = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [f"{method.upper()} {path}" for path, item in json.loads(described())["paths"].items() for method in item]


@pytest.fixture
def schema(sqlite_database: Database, tmp_path: Path) -> BaseSchema:
    two_projects.fill(sqlite_database)
    app = create_app(Settings(home=tmp_path), sqlite_database, token=TOKEN)
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=BEARER)


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - ENDLESS))
def test_what_is_answered_is_what_is_described(schema: BaseSchema, operation: str) -> None:
    method, path = operation.split(" ")
    right, wrong = (schema[path][method].as_strategy(mode) for mode in GenerationMode)
    asked = 0

    @FEW
    @given(case=right | wrong)
    def ask(case: schemathesis.Case[Any]) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(headers=BEARER, checks=CHECKS)

    ask()
    assert asked
