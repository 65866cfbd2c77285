"""People who sign in to an application in this process, as browsers and programs do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from common.domain.rights import BuiltInRole
from common.store.engine.session import Database
from common.store.state import fleet, users
from tests.harness import texts

PASSWORD = "correct horse battery staple"
ROLES = (
    "kind: Fleet\nmetadata: {name: acme}\nspec:\n  roles: [{name: operator, groups: [on-call]}, "
    "{name: admin, groups: [leads]}]\n"
)
PAY = (
    "kind: Project\nmetadata: {name: pay}\nspec:\n  paths: ['pay/**']\n  clusterKinds: {}\n"
    "  roles: [{name: developer, groups: [team-pay], can: [sync]}]\n"
)


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Of the password, at no cost worth speaking of: a hash says itself how much it takes to compare with it."""


def put_in_force(database: Database, **files: str) -> None:
    """Put a registry with roles in force; ``files`` replaces what ``fleet`` and ``pay`` say."""
    documents = {f"{name}.yaml": text for name, text in {"fleet": ROLES, "pay": PAY, **files}.items()}
    with database.write() as connection:
        now = database.now(connection)
        fleet.fix_name(connection, "acme", now=now)
        fleet.put_in_force(connection, "c" * 40, texts.in_order(documents).documents.to_json(), now=now)


def add_user(
    database: Database, name: str, role: BuiltInRole | None = None, groups: Collection[str] = (), *, kept: str = CHEAP
) -> int:
    """Add a user of the hub's own with the password ``PASSWORD``; return their number."""
    with database.write() as connection:
        now = database.now(connection)
        made = users.add(connection, name, password=kept, role=role, groups=tuple(groups), now=now)
    assert made is not None
    return made


def later(app: FastAPI) -> None:
    """Let the seconds pass for which a process trusts what it knows: what another one changed counts from now on."""
    with app.state.gate.changes():
        """Nothing is changed here."""


@asynccontextmanager
async def browsing(
    app: FastAPI, *, address: str = "192.0.2.1", scheme: str = "http"
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that sends what a browser sends from the hub's own pages."""
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    base = f"{scheme}://hub"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers={"Origin": base}) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Send the form; return what the hub says."""
    return await client.post("/login", data={"name": name, "password": password, **more})
