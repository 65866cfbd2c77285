"""Signed tokens (RFC 7519) of an issuer: by whose key, about whom, for whom, until when (RFC 8725)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry

from console.api.signin.oidc.errors import refused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With two keys: never none, and never one whose key both sides know, which a public key could be taken for."""
LEEWAY = 60
"""Seconds that clocks may be apart."""
LONGEST = 128_000
"""Characters of a token: a thousand groups."""
_KINDS = frozenset({"RSA", "EC", "OKP"})
_SMALLEST, _LARGEST = 2048, 8192
"""Bits of an RSA key: a smaller one can be broken, and a larger one makes each check a long one."""
_MOST_KEYS = 100
_LONGEST_SUBJECT = 255


class _Headers(JWSRegistry):
    max_header_length = 8192
    max_payload_length = LONGEST


class UnknownKeyError(Exception):
    """A token may be of a key that is not known yet."""


class _Strict(json.JSONDecoder):
    """Reads JSON that all read alike: no name twice, and no number that is none, which ends never."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_constant=_no_constant, object_pairs_hook=_each_once, **options)


def _no_constant(_text: str) -> NoReturn:
    message = "not a number"
    raise ValueError(message)


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a name stands twice"
        raise ValueError(message)
    return found


def keys_of(found: object) -> KeySet:
    """Return the keys for signatures of a set of RFC 7517; what is of another kind, or cannot be read, is left out."""
    keys: list[Key] = []
    for one in found[:_MOST_KEYS] if isinstance(found, list) else ():
        if _is_usable(one):
            try:
                keys += KeySet.import_key_set({"keys": [one]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return KeySet(keys)


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict) or key.get("kty") not in _KINDS or key.get("use", "sig") != "sig":
        return False
    number = key.get("n", "")  # in base64: six bits a character
    return key["kty"] != "RSA" or (isinstance(number, str) and _SMALLEST <= len(number) * 6 <= _LARGEST + 8)


def verified(token: object, keys: KeySet, *, issuer: str, audience: str, now: float) -> Mapping[str, Any]:
    """Return what an issuer says in a token.

    Args:
        token: as it came.
        keys: of the issuer.
        issuer: that it has to be of.
        audience: that it has to be for, among others perhaps.
        now: seconds since 1970.

    Raises:
        UnknownKeyError: it is signed by none of the keys.
        NotVouchedError: it proves nothing.
    """
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST or not token.isascii():
        why = "there is no token"
        raise refused(why)
    registry = _Headers(algorithms=ALGORITHMS, strict_check_header=False)
    wanted = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        claims = jwt.decode(token, keys, ALGORITHMS, registry, _Strict).claims
        wanted.validate(claims)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKeyError from error
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        why = f"its token does not hold: {type(error).__name__}"
        raise refused(why) from error
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        why = "it does not say who it is"
        raise refused(why)
    return claims
