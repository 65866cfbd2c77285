"""Private SSH keys as people store them, told before a server is asked: ssh itself says no more than "denied".

Formats: OpenSSH's PROTOCOL.key, and PEM (RFC 1421 headers, PKCS 8).
"""

from __future__ import annotations

import base64
import binascii
import re

from common.credentials import CredentialsRefusedError

_BEGIN = re.compile(rb"-----BEGIN ((?:OPENSSH |RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY)-----")
_PUBLIC = re.compile(
    rb"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ |-----BEGIN (RSA )?PUBLIC KEY-----|---- BEGIN SSH2 PUBLIC KEY ----"
)
_OPENSSH = b"openssh-key-v1\0"
_NO_CIPHER = b"\0\0\0\x04none"
_MARK = b"\xef\xbb\xbf"


def private_key(stored: bytes, *, what: str) -> bytes:
    """Return the key as ssh reads it: line ends of Windows, blanks around it and a byte-order mark are mended.

    Args:
        stored: what is under ``ssh-privatekey``.
        what: names the credentials in messages; no part of the key is quoted.

    Raises:
        CredentialsRefusedError: it has a passphrase, is a public key, or is none that ssh reads.
    """
    text = _lines(stored)
    if _PUBLIC.match(text):
        message = f"{what} hold the public half of a key under ssh-privatekey"
        raise CredentialsRefusedError(message, remedy="Store the private half: the file without .pub.")
    if text.startswith(b"PuTTY-User-Key-File-"):
        message = f"{what} hold a key in PuTTY's format"
        raise CredentialsRefusedError(message, remedy="Convert it: puttygen KEY.ppk -O private-openssh -o KEY.")
    begin = _BEGIN.match(text)
    if begin is None:
        message = f"{what} hold no private key under ssh-privatekey"
        remedy = "Store the file that ssh-keygen wrote: its first line says BEGIN OPENSSH PRIVATE KEY."
        raise CredentialsRefusedError(message, remedy=remedy)
    head, *body = text.rstrip(b"\n").split(b"\n")
    if head != begin[0] or len(body) < 2 or body[-1] != b"-----END " + begin[1] + b"-----":
        message = f"{what} hold a private key that is cut off, or whose line breaks were lost"
        raise CredentialsRefusedError(message, remedy="Store the file as ssh-keygen wrote it, all its lines.")
    if _has_passphrase(begin[1], body[:-1]):
        message = f"{what} hold a private key with a passphrase, and nobody is there to type it"
        remedy = "Take it off (ssh-keygen -p -N '' -f KEY), or better, make a deploy key of its own without one."
        raise CredentialsRefusedError(message, remedy=remedy)
    return text


def known_hosts(stored: bytes) -> bytes:
    """Return lines of known hosts as ssh reads them."""
    return _lines(stored)


def _lines(stored: bytes) -> bytes:
    text = stored.removeprefix(_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip()
    return b"\n".join(line.rstrip() for line in text.split(b"\n")) + b"\n"


def _has_passphrase(kind: bytes, body: list[bytes]) -> bool:
    if kind.startswith(b"ENCRYPTED") or any(line.startswith(b"Proc-Type:") and b"ENCRYPTED" in line for line in body):
        return True
    if not kind.startswith(b"OPENSSH"):
        return False
    try:
        packed = base64.b64decode(b"".join(body), validate=True)
    except binascii.Error:
        return False
    return packed.startswith(_OPENSSH) and not packed.startswith(_OPENSSH + _NO_CIPHER)
