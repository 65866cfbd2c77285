"""No message holds Python's own text: what libraries raise is said in words, at each adapter."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Callable

import httpx
import pytest
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError, ProxyError, SSLError

from common.broker.sender import _meaning
from common.domain.foreign import said
from workers.kube.discovery import Catalogue
from workers.kube.errors import from_transport
from workers.sync.errors import UnknownKindError
from workers.sync.objects.live import Kind

PYTHON = re.compile(r"\('|Error\(|Exception\(|Disconnected|0x[0-9a-f]{4}|<[\w.]+ |Errno|Pool\(|Traceback|\{\"|\\n")


def _pool() -> urllib3.HTTPSConnectionPool:
    return urllib3.HTTPSConnectionPool("eu-1.example.com")


def _nested(inner: Exception) -> Exception:
    """Return an error as urllib3 wraps it."""
    return MaxRetryError(_pool(), "/api?timeout=10s", inner)


def _refused() -> Exception:
    connection = urllib3.connection.HTTPConnection("eu-1.example.com")
    error = NewConnectionError(connection, "Failed to establish a new connection: [Errno 111] Connection refused")
    error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return error


FOREIGN: dict[str, Callable[[], Exception]] = {
    "closed": lambda: ProtocolError(
        "Connection aborted.", http.client.RemoteDisconnected("Remote end closed connection without response")
    ),
    "reset": lambda: ProtocolError("Connection aborted.", ConnectionResetError(errno.ECONNRESET, "Connection reset")),
    "refused": lambda: _nested(_refused()),
    "tls": lambda: _nested(SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"))),
    "proxy": lambda: _nested(ProxyError("Unable to connect to proxy", OSError("Tunnel connection failed: 503 Gone"))),
    "name": lambda: socket.gaierror(-2, "Name or service not known"),
    "disk": lambda: OSError(errno.ENOSPC, "No space left on device", "/var/lib/x"),
    "timeout": lambda: TimeoutError("timed out"),
    "httpx": lambda: httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "broken": lambda: http.client.IncompleteRead(b"abc", 10),
    "empty": lambda: HTTPError(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_error_is_said_in_words(name: str) -> None:
    text = said(FOREIGN[name]())
    assert text
    assert not PYTHON.search(text), text


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_cluster_did_is_said_in_words(name: str) -> None:
    text = str(from_transport(FOREIGN[name](), "GET /api"))
    assert text.startswith("GET /api: ")
    assert not PYTHON.search(text), text


@pytest.mark.parametrize("name", FOREIGN)
def test_what_the_broker_did_is_said_in_words(name: str) -> None:
    text = str(_meaning(FOREIGN[name]()))
    assert text.startswith("the broker ")
    assert not PYTHON.search(text), text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("closed", "it closed the connection without an answer"),
        ("reset", "the connection was reset"),
        ("refused", "the connection was refused"),
        ("tls", "TLS failed"),
        ("proxy", "Tunnel connection failed: 503 Gone"),
        ("name", "its name cannot be resolved"),
        ("disk", "the disk is full"),
        ("timeout", "no answer within the time limit"),
        ("broken", "the answer broke off"),
        ("empty", "it failed (HTTPError)"),
    ],
)
def test_the_words_say_what_happened(name: str, told: str) -> None:
    assert said(FOREIGN[name]()) == told


def test_a_kind_that_is_mistyped_is_answered_with_the_nearest() -> None:
    kinds = {("apps", "v1", "Deployment"): Kind("apps", "v1", "Deployment", "deployments", namespaced=True)}
    with pytest.raises(UnknownKindError, match=r"Did you mean Deployment\?"):
        Catalogue(kinds, frozenset(), 0.0).find("apps", "v1", "Deploymnt")
