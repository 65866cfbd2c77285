"""All routes of the application, each behind the door."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI

from console.api.contract.strict import strict
from console.api.door.needs import check
from console.api.door.viewer import viewer
from console.api.hooks.route import router as hooks
from console.api.live import stream
from console.api.probes import badge, metrics, ready
from console.api.reads import answers, audit, events, lists, me, openapi, picturing, registry, searching, status
from console.api.reads import hooks as receipts
from console.api.shell import flower
from console.api.signin import device_pages, exchange, login, sessions, tokens, users
from console.api.signin.oidc import routes as oidc
from console.api.writes import inspections, intents

API = (
    status.router,
    picturing.router,
    lists.router,
    answers.router,
    events.router,
    stream.router,
    registry.router,
    searching.router,
    inspections.router,
    intents.router,
    audit.router,
    receipts.router,
    me.router,
    sessions.router,
    tokens.router,
    users.router,
    openapi.router,
)
"""Of the API; a query that names what they do not know is refused."""
OTHERS = (metrics.router, login.router, device_pages.router, flower.router)
OPEN = (ready.router, badge.router, login.door, device_pages.door, exchange.door, oidc.door, hooks)


def include(app: FastAPI) -> None:
    """Give an application its routes.

    Raises:
        LookupError: one does not declare the right that it needs.
    """
    for router in OPEN:
        app.include_router(router)
    for router in API:
        _include(app, router, strict)
    for router in OTHERS:
        _include(app, router)


def _include(app: FastAPI, router: APIRouter, *dependencies: Callable[..., None]) -> None:
    check(router.routes)
    app.include_router(router, dependencies=[Depends(viewer), *(Depends(one) for one in dependencies)])
