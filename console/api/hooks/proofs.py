"""Signatures and shared secrets, compared in the time that any wrong one takes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from console.api.hooks.kind import Request, Secret

SIGNING = b"whsec_"
"""What secrets of Standard Webhooks begin with."""
TOLERANCE = 300
"""Seconds that a timestamp may be off, either way."""
_MOST_SIGNATURES = 16
"""That are looked at: two while a secret is changed, and some."""
_LONGEST = 4096
_DIGEST = "sha256"


def hex_signed(request: Request, secret: Secret, header: str, *, prefix: str = "") -> bool:
    """Return whether a header holds the HMAC of the body in hexadecimal, behind ``prefix``."""
    expected = prefix + hmac.new(secret.text, request.body, _DIGEST).hexdigest()
    return same(request.headers.get(header, ""), expected.encode())


def standard_signed(request: Request, secret: Secret) -> bool:
    """Return whether a request is signed as Standard Webhooks has it: over id, timestamp and body, just now.

    The key is what follows ``whsec_`` in Base64. One right signature among several is enough.
    """
    name, stamp = (request.headers.get(f"webhook-{part}", "")[:_LONGEST] for part in ("id", "timestamp"))
    made = hmac.new(signing_key(secret.text) or b"\0", digestmod=_DIGEST)
    made.update(f"{name}.{stamp}.".encode())
    made.update(request.body)
    expected = b"v1," + base64.b64encode(made.digest())
    given = request.headers.get("webhook-signature", "")[:_LONGEST].split(" ")[:_MOST_SIGNATURES]
    matches = [same(one, expected) for one in given]
    return any(matches) and bool(name) and signing_key(secret.text) != b"" and _recent(stamp, request.now)


def signing_key(secret: bytes) -> bytes:
    """Return the key of a signing secret; empty where it is none."""
    try:
        return base64.b64decode(secret.removeprefix(SIGNING), validate=True)
    except (binascii.Error, ValueError):
        return b""


def same(given: str, expected: bytes) -> bool:
    """Return whether a text is the expected one; how much of it is right, or long, shows in no time."""
    digests = (hashlib.sha256(one).digest() for one in (given.encode("utf-8", "surrogatepass"), expected))
    return hmac.compare_digest(*digests)


def spend(body: bytes) -> None:
    """Take the time of one HMAC over a body."""
    hmac.new(b"\0", body, _DIGEST).digest()


def _recent(stamp: str, now: float) -> bool:
    return stamp.isascii() and stamp.isdigit() and len(stamp) < 16 and abs(now - int(stamp)) <= TOLERANCE
