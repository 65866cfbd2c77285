"""Keys of this hub: made at first start, in files that only their owner reads."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.broker.errors import KeyFileError
from common.settings import Settings

KEY_BYTES = 32
_LINE = re.compile(r"([A-Za-z0-9_-]{1,32}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """Keys that messages are signed with: the scheduler's, or those of one pool, which are derived from them.

    A pool's workers are given that pool's alone: with them nobody can sign for another pool.

    Attributes:
        signing: id of the one that signs; the others only verify, which is how a key is replaced without a gap.
        by_id: all of them.
        pool: whose they are; None for those from which every pool's are derived.
    """

    signing: str
    by_id: dict[str, bytes] = field(repr=False)
    pool: str | None = None

    def of(self, pool: str) -> MessageKeys:
        """Return the keys of a pool; of another one than whose these are, none."""
        if self.pool is None:
            return MessageKeys(self.signing, {name: _derived(key, pool) for name, key in self.by_id.items()}, pool)
        return self if self.pool == pool else replace(self, by_id={}, pool=pool)

    def to_text(self) -> str:
        """Return them as a file holds them."""
        ordered = sorted(self.by_id.items(), key=lambda one: one[0] != self.signing)
        return "".join(f"{name}:{key.hex()}\n" for name, key in ordered)


NONE = MessageKeys("", {}, "")
"""Of a process that neither sends tasks nor takes any."""


def _derived(key: bytes, pool: str) -> bytes:
    # Also computed by deploy/secrets.sh, with openssl.
    return hmac.digest(key, f"flotilla messages of pool {pool}".encode(), hashlib.sha256)


def message_keys(settings: Settings) -> MessageKeys:
    """Return the keys of messages; made where there are none.

    Raises:
        KeyFileError: others can read the file, or a line is no ``id:hex``.
    """
    path = settings.message_key_file or settings.home / "message.keys"
    return _parsed(path, _load_or_make(path, f"k1:{secrets.token_hex(KEY_BYTES)}\n"))


def pool_keys(settings: Settings, pool: str) -> MessageKeys:
    """Return the keys of a pool's messages: those that its workers were given, or derived where all are known.

    Raises:
        KeyFileError: as ``message_keys``; or there is no such file.
    """
    path = settings.pool_message_key_file
    if path is None:
        return message_keys(settings).of(pool)
    if not path.exists():
        message = f"{path} does not exist"
        raise KeyFileError(message, remedy=f"Have them made where the scheduler runs: flotilla keys {pool}")
    return replace(_parsed(path, _load(path)), pool=pool)


def _parsed(path: Path, text: str) -> MessageKeys:
    keys: dict[str, bytes] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            message = f"{path} holds a line that is no key"
            raise KeyFileError(message, remedy="Each line is ID:HEX with 64 hex digits; the first one signs.")
        keys[match[1]] = bytes.fromhex(match[2])
    if not keys:
        message = f"{path} holds no key"
        raise KeyFileError(message, remedy="Delete it to have one made, or write one line ID:HEX with 64 hex digits.")
    return MessageKeys(next(iter(keys)), keys)


def hub_key(settings: Settings) -> bytes:
    """Return the key of HMACs over secret values; made where there is none.

    Raises:
        KeyFileError: others can read the file, or it holds no 64 hex digits.
    """
    path = settings.hub_key_file or settings.home / "hub.key"
    text = _load_or_make(path, f"{secrets.token_hex(KEY_BYTES)}\n").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        message = f"{path} holds no key of 64 hex digits"
        raise KeyFileError(message, remedy="Restore it: digests of Secrets made with another key no longer match.")
    return bytes.fromhex(text)


def _load_or_make(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        try:
            # A link fails where another process was first: all use one key.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return _load(path)


def _load(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        message = f"{path} can be read by others"
        raise KeyFileError(message, remedy=f"chmod 600 {path}")
    return path.read_text()
