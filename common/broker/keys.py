"""Keys of this hub: made at first start, in files that only their owner reads."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from common.broker.errors import KeyFileError
from common.settings import Settings

KEY_BYTES = 32
_LINE = re.compile(r"([A-Za-z0-9_-]{1,32}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """Keys that messages are signed with.

    Attributes:
        signing: id of the one that signs; the others only verify, which is how a key is replaced without a gap.
        by_id: all of them.
    """

    signing: str
    by_id: dict[str, bytes] = field(repr=False)


NONE = MessageKeys("", {})
"""Of a process that neither sends tasks nor takes any."""


def message_keys(settings: Settings) -> MessageKeys:
    """Return the keys of messages; made where there are none.

    Raises:
        KeyFileError: others can read the file, or a line is no ``id:hex``.
    """
    path = settings.message_key_file or settings.home / "message.keys"
    text = _load_or_make(path, f"k1:{secrets.token_hex(KEY_BYTES)}\n")
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
    if path.stat().st_mode & 0o077:
        message = f"{path} can be read by others"
        raise KeyFileError(message, remedy=f"chmod 600 {path}")
    return path.read_text()
