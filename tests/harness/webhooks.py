"""An admission webhook of the test's own: an HTTPS server on loopback, and its configuration on the cluster."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from tests.controlplane.certs import make_certificates
from tests.fakes.sync import config_map

NAME = "guard.example.com"
ASKED = {"admission": "asked"}
"""Labels of the objects that the webhook is asked about: whatever else is on the cluster stays out of it."""
MAPS = "/api/v1/namespaces/default/configmaps"
WITHIN = 15
"""Seconds in which the API server notices that a webhook came or went."""


@dataclass(slots=True)
class Reviewer:
    """What the webhook answers, and how often it was asked.

    Attributes:
        authority: PEM, for ``caBundle``.
        url: where it listens.
        status: of HTTP.
        response: parts of an AdmissionResponse besides ``uid``.
        silent: never answers while the test runs.
    """

    authority: str
    url: str = ""
    status: int = 200
    response: Mapping[str, Any] = field(default_factory=lambda: {"allowed": True})
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def refuse(self, message: str, **status: Any) -> None:
        """Deny everything from now on."""
        self.response = {"allowed": False, "status": {"message": message, **status}}

    def change(self, *operations: Mapping[str, Any]) -> None:
        """Carry out a JSON patch on everything from now on."""
        patch = base64.b64encode(json.dumps(operations).encode()).decode()
        self.response = {"allowed": True, "patchType": "JSONPatch", "patch": patch}


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, reviewer: Reviewer, *rest: Any) -> None:
        self._reviewer = reviewer
        super().__init__(*rest)

    def do_POST(self) -> None:
        """Answer a review."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._reviewer.asked.append(review["request"]["name"])
        if self._reviewer.silent:
            self._reviewer.over.wait(30)
            return
        response = {"uid": review["request"]["uid"], **self._reviewer.response}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode()
        self.send_response(self._reviewer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def reviewing(folder: Path) -> Iterator[Reviewer]:
    """Give a webhook's server that runs; keys are written into ``folder``."""
    certificates = make_certificates(folder)
    reviewer = Reviewer(certificates.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, reviewer)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        reviewer.url = f"https://127.0.0.1:{server.server_address[1]}/review"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield reviewer
        finally:
            reviewer.over.set()
            server.shutdown()
            thread.join()


def configuration(reviewer: Reviewer, kind: str, **more: Any) -> dict[str, Any]:
    """Return the object that has a cluster ask the webhook about ConfigMaps with the labels ``ASKED``."""
    webhook = {
        "name": NAME,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 5,
        "objectSelector": {"matchLabels": ASKED},
        "rules": [
            {
                "operations": ["CREATE", "UPDATE"],
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["configmaps", "secrets"],
            }
        ],
        "clientConfig": {"url": reviewer.url, "caBundle": base64.b64encode(reviewer.authority.encode()).decode()},
        **more,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME},
        "webhooks": [webhook],
    }


@contextmanager
def webhook(
    kubectl: httpx.Client,
    reviewer: Reviewer,
    kind: str = "ValidatingWebhookConfiguration",
    *,
    meanwhile: Callable[[dict[str, Any]], None] = lambda _: None,
    **more: Any,
) -> Iterator[None]:
    """Have the cluster ask the webhook; it does from the first line within to the last.

    Args:
        kubectl: client of an administrator.
        reviewer: the webhook.
        kind: of the configuration.
        meanwhile: called with the configuration once it is stored.
        more: fields of the configuration's webhook.
    """
    path = f"/apis/admissionregistration.k8s.io/v1/{kind.lower()}s"
    stored = kubectl.post(path, json=configuration(reviewer, kind, **more)).raise_for_status().json()
    try:
        in_force(lambda: NAME in tried(kubectl).text or bool(reviewer.asked))
        meanwhile(stored)
        yield
    finally:
        kubectl.delete(f"{path}/{NAME}").raise_for_status()
        in_force(lambda: _left_alone(kubectl, reviewer))


def in_force(is_so: Callable[[], bool]) -> None:
    """Return once the API server does as it was told: it notices new rules a moment after it took them."""
    deadline = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < deadline, "the API server does not do as it was told"
        time.sleep(0.02)


def _left_alone(kubectl: httpx.Client, reviewer: Reviewer) -> bool:
    reviewer.asked.clear()
    return tried(kubectl).is_success and not reviewer.asked


def tried(kubectl: httpx.Client) -> httpx.Response:
    """Return the answer to a dry-run of an object that the webhook is asked about."""
    return kubectl.post(MAPS, json=asked("probe"), params={"dryRun": "All"})


def asked(name: str, **data: str) -> dict[str, Any]:
    """Return a ConfigMap that the webhook is asked about."""
    made = config_map(name, **data)
    return {**made, "metadata": {**made["metadata"], "labels": ASKED}}
