"""Which names speak of a secret, and which values are none: ``DB_PASSWORD`` does, ``passwordFile`` does not. Pure."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""Words of ``snake_case``, ``kebab-case``, ``camelCase`` and ``CAPITALS``."""
_ENDINGS = ("password", "passwords", "passwd", "passphrase", "secret", "token", "pwd", "apikey")
_KEY_OF = frozenset({"api", "access", "private", "account", "signing", "encryption", "master", "shared", "secret"})
"""What stands before ``key`` where it is a secret."""
_WHOLE = frozenset({"_auth", ".dockerconfigjson", ".dockercfg", "client-key-data", "sshpass"})
_ABOUT = frozenset(
    {
        *("name", "names", "ref", "refs", "file", "files", "path", "dir", "folder", "url", "uri", "endpoint", "type"),
        *(
            "class",
            "kind",
            "version",
            "policy",
            "count",
            "length",
            "size",
            "seconds",
            "minutes",
            "expiry",
            "expiration",
        ),
        *("ttl", "age", "namespace", "store", "provider", "selector", "review", "request", "volume", "field", "mode"),
        *("enabled", "required", "disabled", "stdin", "generator", "names", "issuer", "audience", "hash", "format"),
    }
)
"""Words at the end of a name that make it one of something about a secret."""
_POINTS = frozenset({"name", "names", "namespace", "ref", "refs", "path", "mode", "seconds", "optional", "type"})
"""Words at the end of a name under a secret's: where it is, and not what it is."""
_NO_VALUE = frozenset({"true", "false", "null", "none", "nil", "~", "{}", "[]", "", "yes", "no", "undefined", "..."})
_REFERENCE = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]{0,100}\}|\$\([A-Za-z_][A-Za-z0-9_]{0,100}\)|\{\{.{0,200}", re.DOTALL
)
_PROSE = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "because", "but", "by", "can", "cannot", "could", "did", "do"),
        *("does", "duplicate", "each", "empty", "expected", "expired", "failed", "field", "file", "for", "forbidden"),
        *("from", "give", "given", "had", "has", "have", "if", "in", "invalid", "is", "it", "its", "may", "missing"),
        *("must", "needs", "neither", "nor", "not", "of", "on", "only", "or", "required", "see", "set", "should"),
        *("that", "the", "their", "there", "this", "to", "too", "unauthorized", "unexpected", "unknown", "unset"),
        *("unsupported", "use", "value", "was", "were", "what", "when", "where", "which", "while", "who", "will"),
        *("with", "within", "without", "would", "wrong", "you", "your"),
    }
)
"""Words with which a sentence about a secret goes on, and which are no password, unless a careless one."""
_LONGEST_NAME = 200


def speaks_of_a_secret(name: str) -> bool:
    """Return whether what stands under ``name`` is a secret, by the last words of the name."""
    last = name[-_LONGEST_NAME:].rpartition(".")[2] or name[-_LONGEST_NAME:]
    if last.lower() in _WHOLE or f".{last.lower()}" in _WHOLE:
        return True
    words = [word.lower() for word in _PARTS.findall(last)]
    if not words or words[-1] in _ABOUT:
        return False
    if words[-1] in {"key", "keys"}:
        return len(words) > 1 and words[-2] in _KEY_OF
    if words[-1] == "pass":
        return len(words) > 1
    if words[-1] == "data" and len(words) > 1:
        return False
    return any(word.endswith(_ENDINGS) for word in words)


def only_names_a_secret(name: str) -> bool:
    """Return whether what stands under ``name``, below a name that speaks of a secret, only says where that is."""
    words = _PARTS.findall(name[-_LONGEST_NAME:])
    return bool(words) and words[-1].lower() in _POINTS


def is_no_secret(value: str) -> bool:
    """Return whether what stands under such a name is none: nothing, a switch, a reference."""
    plain = value.strip()
    return plain.lower() in _NO_VALUE or _REFERENCE.fullmatch(plain) is not None


def goes_on(word: str) -> bool:
    """Return whether a word without quotes only goes on with a sentence."""
    return word.strip(".,:;!?()").lower() in _PROSE


def looks_random(word: str) -> bool:
    """Return whether a word after a scheme's name is a credential rather than a word of a sentence."""
    plain = word.rstrip(".,:;!?")
    return any(character.isdigit() or character in "._~+/=" for character in plain) or not (
        plain.islower() or (plain[:1].isupper() and plain[1:].islower())
    )
