"""Webhooks as servers send them: bodies, and the headers that prove them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

SECRET = "a-secret-of-one-webhook"
SIGNING = "whsec_" + base64.b64encode(b"a-signing-secret-of-24-b").decode()


def declare(folder: Path, name: str, kind: str, secret: str = SECRET, **more: str) -> None:
    """Make a hook as its operator does."""
    made = folder / name
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    for key, text in {"kind": kind, "secret": secret, **more}.items():
        file = made / key.replace("_", "-")
        file.touch(mode=0o600)
        file.write_text(f"{text}\n")


def digest(body: bytes, secret: str = SECRET) -> str:
    """Return the HMAC of a body in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that GitHub proves a body by."""
    return {"x-hub-signature-256": f"sha256={digest(body, secret)}", "content-type": "application/json"}


def standard(body: bytes, secret: str = SIGNING, *, at: float | None = None, name: str = "msg_1") -> dict[str, str]:
    """Return the headers that Standard Webhooks prove a body by, sent at some seconds since 1970 or now."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(made).decode()}"
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signature}


def pushed(repo: str, ref: str = "refs/heads/main", **more: Any) -> bytes:
    """Return the body of GitHub's push."""
    return json.dumps({"ref": ref, "repository": {"clone_url": repo}, **more}).encode()
