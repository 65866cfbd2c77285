"""What the audit tells of signing in and out: by what, from where, and what was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from common.settings import Settings
from common.store.engine.session import Database
from common.store.schema.tables import AuditRow
from console.api.app import create_app
from tests.harness.people import add_user, browsing, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path), database, token="a-token-of-this-test-of-some-length")


def audited(database: Database) -> list[tuple[Any, ...]]:
    columns = (AuditRow.actor, AuditRow.action, AuditRow.outcome, AuditRow.credential)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(AuditRow.id))]


async def test_signing_in_and_out_are_of_one_session(app: FastAPI, database: Database) -> None:
    add_user(database, "ada")
    async with browsing(app) as ada:
        await sign_in(ada, "ada")
        (session,) = (await ada.get("/api/v1/sessions")).json()
        assert (await ada.post("/logout")).status_code == 303
    credential = f"session:{session['id']}"
    assert audited(database) == [("ada", action, "asked", credential) for action in ("sign-in", "sign-out")]


async def test_whoever_guesses_is_nobody(app: FastAPI, database: Database) -> None:
    async with browsing(app) as stranger:
        await sign_in(stranger, "ada", "a wrong password")
    assert audited(database) == [("unknown", "sign-in", "refused", "")]
