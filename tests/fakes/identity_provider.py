"""An identity provider on loopback that keeps to OpenID Connect, but for what a test has it do otherwise."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import RSAKey

CLIENT = "flotilla"


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token with the algorithm none."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(_base64(json.dumps(one).encode()) for one in parts) + "."


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class IdentityProvider:
    """Signs one person in, who is asked nothing.

    Attributes:
        claims: of the ID token, over those that it has by itself; None leaves one out.
        info: of the user information; None has no such endpoint.
        sign: makes the ID token of its claims.
        says: over what it says of itself.
        slow: seconds between the bytes of an answer.
        drips: seconds between the bytes of an answer's head.
        packed: whether it packs answers though it was asked not to.
        moved: paths that it redirects, and where to.
        offers: whether it can be asked again about whom it signed in.
        out: whether it vouches for them no more.
        silent: whether it answers each request with 500.
        padding: bytes that each answer has besides.
        asked: paths so far.
        refreshes: what it is asked again with, the newest last; it takes each once.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] | None = None
    sign: Callable[[dict[str, Any]], str] | None = None
    says: dict[str, Any] = field(default_factory=dict)
    slow: float = 0
    drips: float = 0
    packed: bool = False
    moved: dict[str, str] = field(default_factory=dict)
    offers: bool = True
    out: bool = False
    silent: bool = False
    padding: int = 0
    asked: list[str] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    published: list[RSAKey] | None = None
    refreshes: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None, header: dict[str, Any] | None = None) -> str:
        """Return a token as it should be, but for what ``header`` has otherwise; None leaves out there."""
        by = key or self.key
        head = {"alg": "RS256", "kid": str(by.kid), **(header or {})}
        return self.signed_text(
            json.dumps(claims), {name: value for name, value in head.items() if value is not None}, by
        )

    def signed_text(self, claims: str, head: dict[str, Any], key: RSAKey | None = None) -> str:
        """Return a token whose claims are spelt as they are given, under any header: no library would write some."""
        parts = ".".join(_base64(one.encode()) for one in (json.dumps(head), claims))
        private = (key or self.key).private_key
        assert private is not None
        return f"{parts}.{_base64(private.sign(parts.encode(), PKCS1v15(), SHA256()))}"

    def signed_with_public_key(self, claims: dict[str, Any]) -> str:
        """Return a token whose secret is the key that everybody knows (RFC 8725, section 2.1)."""
        head = {"alg": "HS256", "kid": str(self.key.kid)}
        parts = ".".join(_base64(json.dumps(one).encode()) for one in (head, claims))
        mark = hmac.new(self.key.as_pem(private=False), parts.encode(), hashlib.sha256).digest()
        return f"{parts}.{_base64(mark)}"

    def authorize(self, there: str) -> dict[str, str]:
        """Return the query with which a browser comes back that was sent ``there``."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.url}

    def answer(self, path: str, form: dict[str, str]) -> Any:
        """Return the object that a path answers with; None for none."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "authorization_response_iss_parameter_supported": True,
                **({} if self.info is None else {"userinfo_endpoint": f"{self.url}/userinfo"}),
            } | self.says
        if path == "/keys":
            return {"keys": [one.as_dict(private=False, use="sig") for one in self.published or [self.key]]}
        if path == "/token":
            return self._tokens(form)
        return self.info if path == "/userinfo" else None

    def _tokens(self, form: dict[str, str]) -> Any:
        if form.get("grant_type") == "refresh_token":
            taken = self.refreshes[-1:] == [form["refresh_token"]] and not self.out
            return self._made({}) if taken else None
        begun = self._codes.pop(form.get("code", ""), None)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"]:
            return None
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(challenge).decode().rstrip("=") != begun["code_challenge"]:
            return None
        return self._made({"nonce": begun["nonce"]})

    def _made(self, more: dict[str, str]) -> Any:
        now = int(time.time())
        own = {"iss": self.url, "sub": "ada-1", "aud": CLIENT, "iat": now, "exp": now + 300, **more}
        claims = {name: value for name, value in {**own, **self.claims}.items() if value is not None}
        if self.offers:
            self.refreshes.append(f"canary-refresh-token-{len(self.refreshes)}")
        return {
            **({"refresh_token": self.refreshes[-1]} if self.offers else {}),
            "access_token": "canary-access-token",
            "token_type": "Bearer",
            "id_token": (self.sign or self.signed)(claims),
        }


class _Handler(BaseHTTPRequestHandler):
    made: ClassVar[IdentityProvider]

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._answer({name: values[0] for name, values in parse_qs(text).items()})

    def _answer(self, form: dict[str, str]) -> None:
        path = urlsplit(self.path).path
        self.made.asked.append(path)
        with suppress(OSError):  # who asked had enough
            if path in self.made.moved:
                self._send(302, b"", {"Location": self.made.moved[path]})
                return
            found = None if self.made.silent else self.made.answer(path, form)
            body = json.dumps({"error": "invalid_grant"} if found is None else found).encode()
            body += b" " * self.made.padding
            packed = {"Content-Encoding": "gzip"} if self.made.packed else {}
            status = 500 if self.made.silent else 400 if found is None else 200
            self._send(status, gzip.compress(body) if packed else body, packed)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self.made.drips:
            self._dribble(b"HTTP/1.0 200 OK\r\nX-Long: " + b"x" * 10_000, self.made.drips)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.made.slow:
            self._dribble(body, self.made.slow)
        else:
            self.wfile.write(body)

    def _dribble(self, content: bytes, pause: float) -> None:
        for at in range(len(content)):
            self.wfile.write(content[at : at + 1])
            time.sleep(pause)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run a provider until the end of the block."""
    made = IdentityProvider()
    handler = type("Handler", (_Handler,), {"made": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
