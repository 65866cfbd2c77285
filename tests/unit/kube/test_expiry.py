"""When credentials end is read from themselves, and said two weeks ahead."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from common.domain.expiry import warning
from workers.kube.credentials import Access

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERVER = "https://eu.example.com"


def _token(expires_at: datetime) -> str:
    claims = urlsafe_b64encode(orjson.dumps({"exp": int(expires_at.timestamp())})).decode().rstrip("=")
    return f"head.{claims}.signature"


def _certificate(expires_at: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "flotilla")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(expires_at - timedelta(days=90)).not_valid_after(expires_at)
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_token_says_when_it_ends() -> None:
    assert Access(SERVER, token=_token(NOW)).expires_at == NOW


def test_a_client_certificate_says_when_it_ends() -> None:
    assert Access(SERVER, client_certificate=_certificate(NOW)).expires_at == NOW


def test_of_both_the_first_end_counts() -> None:
    both = Access(SERVER, token=_token(NOW), client_certificate=_certificate(NOW + timedelta(days=1)))
    assert both.expires_at == NOW


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.e30.c", _token(NOW)[:8], "a.eyJleHAiOjFlOTl9.c"])
def test_a_token_that_says_nothing_has_no_end(token: str) -> None:
    assert Access(SERVER, token=token, client_certificate="no certificate").expires_at is None


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=15), ""),
        (timedelta(days=14), "in 14 days"),
        (timedelta(days=12, hours=23), "in 12 days"),
        (timedelta(days=1, hours=2), "within 48 hours"),
        (timedelta(hours=3), "within 24 hours"),
        (timedelta(0), "expired on 2026-11-23"),
        (timedelta(days=-30), "expired on 2026-10-24"),
    ],
)
def test_the_end_is_said_two_weeks_ahead(left: timedelta, said: str) -> None:
    found = warning(NOW + left, now=NOW)
    assert said in found
    assert bool(found) == bool(said)


def test_what_has_no_end_is_not_warned_of() -> None:
    assert warning(None, now=NOW) == ""
