"""The ASGI application: routes behind one door, and errors in one form."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from common.settings import Settings
from common.snapshots import Snapshots
from common.store.engine.session import Database
from console.api.contract import problem
from console.api.door.door import Door
from console.api.door.gate import Gate
from console.api.door.refusals import Refusals
from console.api.door.throttle import Accounts, Throttle, Tries
from console.api.hooks.route import Receiver
from console.api.live.stream import Streams
from console.api.probes import ready
from console.api.routes import include
from console.api.serving.paths import BUILT, STATIC
from console.api.serving.request_id import RequestIds
from console.api.shell import documents, flower
from console.api.signin.passwords import Passwords


def create_app(settings: Settings, database: Database, *, token: str) -> FastAPI:
    """Return the hub's application.

    Args:
        settings: of this hub.
        database: read by every page; written with intents and sessions only.
        token: what callers must show.
    """
    app = FastAPI(title="Flotilla", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.database = database
    app.state.snapshots = Snapshots()
    app.state.readiness = ready.Readiness(settings, database)
    app.state.refusals = Refusals(database)
    app.state.streams = Streams(database)
    app.state.receiver = Receiver(settings, database)
    app.state.gate = Gate(token, database, app.state.snapshots)
    app.state.passwords = Passwords()
    app.state.accounts = Accounts()
    app.state.logins = Throttle(Tries())
    app.state.throttle = Throttle(Tries())
    app.state.flower = flower.client(settings)
    app.add_middleware(Door, gate=app.state.gate, throttle=app.state.throttle, refusals=app.state.refusals)
    app.add_middleware(RequestIds)
    problem.register(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    built = documents.load(BUILT)
    app.router.routes.extend(documents.routes(built))
    include(app)
    app.router.default = documents.otherwise(built, app.router.default)
    return app
