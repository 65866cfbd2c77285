"""``python -m console.api``: serve the hub's API and pages until SIGTERM."""

from __future__ import annotations

import ipaddress

import uvicorn

from common.db.session import open_database
from common.domain.errors import PermanentError
from common.settings import Settings, settings
from common.telemetry.logs import configure
from console.api.app import create_app
from console.api.token import load_or_make_token

GRACE = 3
"""Seconds that open requests get at the end."""


class ExposedError(PermanentError):
    """The API would be reachable from elsewhere without encryption."""

    code = "api.exposed"


def refuse_exposure(config: Settings) -> None:
    """Return if nobody can listen in on the token.

    Raises:
        ExposedError: another address than loopback, without TLS and without a proxy that has it.
    """
    if _is_loopback(config.api_host) or config.behind_proxy or (config.api_tls_cert and config.api_tls_key):
        return
    message = f"the API would listen on {config.api_host} without TLS, and its token could be read on the way"
    remedy = "Set FLOTILLA_API_TLS_CERT and FLOTILLA_API_TLS_KEY, or FLOTILLA_BEHIND_PROXY=true if a proxy ends TLS."
    raise ExposedError(message, remedy=remedy)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main() -> None:
    """Serve until told to stop."""
    config = settings()
    configure(config)
    refuse_exposure(config)
    app = create_app(config, open_database(config), token=load_or_make_token(config))
    uvicorn.run(
        app,
        host=config.api_host,
        port=config.api_port,
        ssl_certfile=str(config.api_tls_cert) if config.api_tls_cert else None,
        ssl_keyfile=str(config.api_tls_key) if config.api_tls_key else None,
        log_level="warning",
        server_header=False,
        proxy_headers=config.behind_proxy,
        timeout_graceful_shutdown=GRACE,
    )


if __name__ == "__main__":
    main()
