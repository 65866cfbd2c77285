"""The proxy on the way to a cluster, as options of the commands that contact one without its document."""

from __future__ import annotations

from typing import Annotated

import typer

from common.credentials import CredentialsProvider
from common.domain.addresses import AddressError, proxy_address
from common.domain.fleet import Proxy
from workers.public.clusters import Access, Route, environments_route, route_by

ProxyUrl = Annotated[
    str, typer.Option("--proxy", help="on the hub's way there: http://, https:// or socks5:// with host and port")
]
ProxyCredentials = Annotated[str, typer.Option(help="reference of username and password at the proxy")]


def proxy_from(url: str, credentials: str) -> Proxy | None:
    """Return the proxy that the options name; None without any.

    Raises:
        typer.BadParameter: it is none.
    """
    if credentials and not url:
        message = "--proxy-credentials goes with --proxy"
        raise typer.BadParameter(message)
    try:
        return Proxy(proxy_address(url).rstrip("/"), credentials) if url else None
    except AddressError as error:
        raise typer.BadParameter(str(error)) from error


def route_to(access: Access, proxy: Proxy | None, provider: CredentialsProvider) -> Route | None:
    """Return the way through ``proxy``, else through the environment's; raises as both do."""
    return route_by(proxy, provider) if proxy else environments_route(access.server)
