"""``python -m console.api``: serve the hub's API and pages until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from common.domain.errors import FlotillaError, PermanentError
from common.settings import Settings, settings
from common.store.engine.session import open_database
from common.telemetry.logs import configure
from console.api.app import create_app
from console.api.serving.connections import HEAD_BYTES, Patience, connections, event_loop
from console.api.serving.crowd import Crowd, Entrance, Room
from console.listening import listen
from console.processes.sockets import LocalSocket
from console.token import load_or_make_token

GRACE = 3
"""Seconds that open requests get at the end."""
DESCRIPTORS = 4096
"""Open files and connections: more than ``Room.in_all``. Many systems give a process 1,024 unless it asks."""
LOOK = 1.0
"""Seconds after which the Unix socket's file is looked for again."""


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


def allow_descriptors(number: int) -> None:
    """Have this process open as many files and connections, or as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LocalEntrance:
    """Serves commands of this machine at a Unix socket, at a new one where the socket's file vanished.

    Args:
        local: the socket's file.
        crowd: counts who connects.
    """

    def __init__(self, local: LocalSocket, crowd: Crowd) -> None:
        self._local = local
        self._crowd = crowd
        self._keeper: asyncio.Task[None] | None = None

    async def open(self, server: uvicorn.Server) -> None:
        """Serve there as ``server`` does elsewhere, and go on looking until ``close``."""
        await self._look(server)
        self._keeper = asyncio.create_task(self._keep(server))

    async def close(self) -> None:
        """Look no more, and remove the file; ``server`` ends what it serves."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._local.close()

    async def _keep(self, server: uvicorn.Server) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self._look(server)

    async def _look(self, server: uvicorn.Server) -> None:
        # in a thread: it may ask the disk, and another process, which may let it wait
        made = await asyncio.to_thread(lambda: self._local.made() if self._local.missing() else None)
        if made is None:
            return
        made_of: Any = server.config.http_protocol_class  # uvicorn declares no more than that it is a protocol
        protocol = partial(
            made_of,
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )
        entrance, loop = Entrance(made, self._crowd), asyncio.get_running_loop()
        server.servers.append(await loop.create_server(protocol, sock=entrance, backlog=server.config.backlog))


class Server(uvicorn.Server):
    """Writes its address into a file once it serves: whoever started it knows then that it is this one that answers.

    Args:
        config: of the server.
        ready_file: the file; None writes none.
        patience: with clients.
        local: for commands of this machine; None has none.
        ends: called first of all at the end, so that answers that go on for ever do not.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready_file: Path | None,
        patience: Patience,
        local: LocalEntrance | None,
        ends: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ready_file = ready_file
        self._patience = patience
        self._local = local
        self._ends = ends

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in an event loop that bounds the time for TLS's greeting."""
        with asyncio.Runner(loop_factory=event_loop(self._patience)) as runner:
            runner.run(self.serve(sockets=sockets))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started and self._local is not None:
            await self._local.open(self)
        if self.started and self._ready_file is not None and sockets:
            written = self._ready_file.with_suffix(".new")
            written.write_text(_address(self.config, sockets[0].getsockname()[1]))
            written.rename(self._ready_file)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more commands, end streams, then end as usual."""
        self._ends()
        if self._local is not None:
            await self._local.close()
        await super().shutdown(sockets)


def _address(config: uvicorn.Config, port: int) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{'https' if config.ssl_certfile else 'http'}://{host}:{port}"


def serve(config: Settings, *, ready_file: Path | None) -> None:
    """Serve until told to stop.

    Raises:
        ExposedError: the token could be read on the way.
        PortInUseError: another program listens there.
    """
    refuse_exposure(config)
    sockets = listen(config.api_host, config.api_port)
    allow_descriptors(DESCRIPTORS)
    crowd, patience = Crowd(Room(proxies=_proxies(config))), Patience(head=config.api_patience)
    app = create_app(config, open_database(config), token=load_or_make_token(config))
    server = Server(
        uvicorn.Config(
            app,
            host=config.api_host,
            port=config.api_port,
            ssl_certfile=str(config.api_tls_cert) if config.api_tls_cert else None,
            ssl_keyfile=str(config.api_tls_key) if config.api_tls_key else None,
            log_level="warning",
            server_header=False,
            http=connections(crowd, patience),
            ws="none",
            h11_max_incomplete_event_size=HEAD_BYTES,
            proxy_headers=config.behind_proxy,
            forwarded_allow_ips=config.trusted_proxies,
            timeout_graceful_shutdown=GRACE,
        ),
        ready_file=ready_file,
        patience=patience,
        # all sockets of a server speak TLS, or none does
        local=None if config.api_tls_cert else LocalEntrance(LocalSocket(config.api_socket), crowd),
        ends=app.state.streams.feed.close,
    )
    server.run([Entrance(one, crowd) for one in sockets])


def _proxies(config: Settings) -> str:
    return config.trusted_proxies if config.behind_proxy else ""


def main() -> None:
    """Serve, or say in two lines why not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready-file", type=Path, help="gets the address once it is served")
    ready_file: Path | None = parser.parse_args().ready_file
    try:
        config = settings()
        configure(config)
        serve(config, ready_file=ready_file)
    except FlotillaError as error:
        print(f"error: {error.message}\n{error.remedy}".rstrip(), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
