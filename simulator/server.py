"""The simulator as a server: in a thread for tests, in the foreground for ``python -m simulator``."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator import api
from simulator.app import TRANSPORT, Application
from simulator.certs import make_certificates
from simulator.faults import parse_fault
from simulator.hub import Hub
from simulator.store import ClusterOptions

Json = dict[str, Any]
_START_PATIENCE = 10.0
_STOP_PATIENCE = 1


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which lets the application have the connection: some faults break it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"connection": self.transport}}


class _Server(uvicorn.Server):
    """uvicorn's server, which cuts open connections at the end: a hanging fault would hold it up for ever."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _listening(port: int) -> socket.socket:
    # the protocol is named because event loops switch Nagle's algorithm off only on sockets that name it
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


class Simulator:
    """Simulated clusters behind one port.

    Args:
        clusters: their names.
        port: to listen on at 127.0.0.1; 0 takes a free one.
        ready_after: how long workloads take to become ready; None runs no controllers.
        pods: whether workloads have ReplicaSets and Pods.
        admin_token: for the admin endpoints; made up when empty.
    """

    def __init__(
        self,
        clusters: Sequence[str] = (),
        *,
        port: int = 0,
        ready_after: timedelta | None = timedelta(milliseconds=300),
        pods: bool = False,
        admin_token: str = "",
    ) -> None:
        self._certificates = make_certificates()
        self._options = ClusterOptions(ready_after, pods)
        self.hub = Hub(self._certificates.authority)
        self.admin_token = admin_token or secrets.token_urlsafe(24)
        for name in clusters:
            self.hub.add(name, self._options)
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(self._config())
        self._thread: threading.Thread | None = None

    def _config(self) -> uvicorn.Config:
        application = Application(self.hub, self.admin_token)
        with tempfile.TemporaryDirectory(prefix="flotilla-simulator-") as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_bytes(self._certificates.certificate)
            key.touch(mode=0o600)
            key.write_bytes(self._certificates.key)
            config = uvicorn.Config(
                application,
                http=_Protocol,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_keep_alive=90,
                timeout_graceful_shutdown=_STOP_PATIENCE,
            )
            config.load()  # reads the files, which then vanish
        return config

    def url(self, name: str) -> str:
        """Return the address of a cluster's API server."""
        return f"https://127.0.0.1:{self.port}/clusters/{name}"

    @property
    def admin_url(self) -> str:
        """Where the admin endpoints are; see ``simulator.admin``."""
        return f"https://127.0.0.1:{self.port}/admin"

    @property
    def authority(self) -> bytes:
        """PEM of the certificate authority."""
        return self._certificates.authority

    def token(self, name: str) -> str:
        """Return the bearer token of a cluster."""
        return self.hub.hosted[name].token

    def kubeconfig(self, name: str) -> Json:
        """Return a kubeconfig with everything embedded: no paths, no commands."""
        authority = base64.b64encode(self.authority).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {"name": name, "cluster": {"server": self.url(name), "certificate-authority-data": authority}}
            ],
            "users": [{"name": name, "user": {"token": self.token(name)}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }

    def add(self, name: str) -> None:
        """Add a cluster while running."""
        self.hub.add(name, self._options)

    def faults(self, name: str, *faults: Mapping[str, Any]) -> None:
        """Replace the faults of a cluster; without any, it is healthy again. See ``faults.parse_fault``."""
        now = self.hub.clock()
        self.hub.hosted[name].faults = [parse_fault(fault, now=now) for fault in faults]

    def change_identity(self, name: str) -> None:
        """Make a cluster answer as another one."""
        api.change_identity(self.hub.hosted[name].cluster)

    def requests(self, name: str) -> dict[str, int]:
        """Return how often each verb was asked of a cluster."""
        return dict(self.hub.hosted[name].requests)

    def reset_requests(self) -> None:
        """Set all request counters to nothing."""
        for hosted in self.hub.hosted.values():
            hosted.requests.clear()

    def run(self) -> None:
        """Serve in the foreground until SIGTERM or SIGINT."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def start(self) -> None:
        """Serve in a thread; returns once connections are accepted."""
        self._thread = threading.Thread(target=self.run, name="simulator", daemon=True)
        self._thread.start()
        waiter = threading.Event()
        for _ in range(int(_START_PATIENCE / 0.01)):
            if self._server.started or not self._thread.is_alive():
                break
            waiter.wait(0.01)
        if not self._server.started:
            message = "the simulator did not start"
            raise RuntimeError(message)

    def stop(self) -> None:
        """End the thread; open connections are cut."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._socket.close()


@contextmanager
def running_simulator(
    clusters: Sequence[str], *, ready_after: timedelta | None = timedelta(milliseconds=300), pods: bool = False
) -> Iterator[Simulator]:
    """Run a simulator for the length of a with-block."""
    simulator = Simulator(clusters, ready_after=ready_after, pods=pods)
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()
