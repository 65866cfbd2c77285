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
from console.api.door.throttle import EXCHANGES, SIGN_INS, Accounts, Throttle, Tries
from console.api.hooks.route import Receiver
from console.api.live.stream import Streams
from console.api.probes import badge, ready
from console.api.reads.listing import Exports
from console.api.reads.sharing import Shared
from console.api.routes import include
from console.api.serving.paths import BUILT, STATIC
from console.api.serving.request_id import RequestIds
from console.api.shell import documents, flower
from console.api.signin.device import Devices
from console.api.signin.exchange import Pipelines
from console.api.signin.oidc.again import Asker, Seal
from console.api.signin.oidc.provider import Client, Provider
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
    app.state.badges = badge.Badges(database, app.state.snapshots)
    app.state.streams = Streams(database)
    app.state.exports, app.state.shared = Exports(), Shared()
    app.state.receiver = Receiver(settings, database)
    app.state.receipts = app.state.receiver.receipts
    app.state.gate = Gate(token, database, app.state.snapshots, issuer=settings.oidc_issuer)
    app.state.provider = _provider(settings)
    app.state.seal = Seal(app.state.gate)
    if app.state.provider is not None:
        app.state.gate.again = Asker(app.state.provider, database, app.state.gate)
    app.state.pipelines = Pipelines(settings.public_url.rstrip("/"), _issuers(settings))
    app.state.provider_name = settings.oidc_name if settings.oidc_issuer else ""
    app.state.passwords = Passwords()
    app.state.accounts = Accounts()
    app.state.logins = Throttle(Tries())
    app.state.sign_ins = Throttle(SIGN_INS)
    app.state.exchanges = Throttle(EXCHANGES)
    app.state.devices = Devices()
    app.state.codes = Throttle(Tries())
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


def _issuers(settings: Settings) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in settings.ci_issuers.split(","))))


def _provider(settings: Settings) -> Provider | None:
    """Return the identity provider that the settings name; None where they name none."""
    if not settings.oidc_issuer:
        return None
    file = settings.oidc_client_secret_file
    secret = "" if file is None else file.read_text(encoding="utf-8").strip()
    client = Client(
        settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_scopes, settings.oidc_groups_claim
    )
    return Provider(client)
