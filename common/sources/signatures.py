"""Whether a commit, or the tag that names it, was signed by somebody who is trusted.

Git itself checks, against a keyring that holds nothing but the keys asked for. Only its exit status counts: of a key
that it does not know, its words say "Good signature" too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from common.credentials import CredentialsProvider, CredentialsRefusedError
from common.domain.errors import PermanentError, TransientError
from common.sources.git import GitRunner

KEYS = "keys/"
"""What the references of keys begin with: the key ``release-team`` is under ``keys/release-team``."""
_OPENPGP = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_PRIVATE = b"PRIVATE KEY"
_SSH = frozenset({
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
})  # fmt: skip
_TIMEOUT = timedelta(seconds=20)


class SignatureRefusedError(PermanentError):
    """A commit or tag is not signed by any of the keys asked for."""

    code: ClassVar[str] = "source.signature"


class GpgMissingError(PermanentError):
    """The machine cannot check signatures of OpenPGP."""

    code: ClassVar[str] = "source.gpg-missing"


@dataclass(frozen=True, slots=True)
class Keyring:
    """Public keys, of which any one is trusted.

    Attributes:
        names: as the registry calls them.
        openpgp: armoured blocks.
        ssh: ``TYPE BASE64`` each.
    """

    names: tuple[str, ...]
    openpgp: tuple[bytes, ...] = field(default=(), repr=False)
    ssh: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return " or ".join(self.names)

    @property
    def digest(self) -> str:
        """Tells two keyrings apart."""
        parts = (*self.names, *map(bytes.hex, self.openpgp), *self.ssh)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def keyring(credentials: CredentialsProvider, names: Sequence[str]) -> Keyring:
    """Return the keys called ``names``: under ``keys/NAME`` each file holds OpenPGP blocks or lines of SSH keys.

    Raises:
        CredentialsMissingError: nothing is stored under one of the names.
        CredentialsRefusedError: what is stored is no public key.
        TransientError: the provider could not be reached.
    """
    openpgp: list[bytes] = []
    ssh: list[str] = []
    for name in names:
        for file, content in sorted(credentials.get(f"{KEYS}{name}").items()):
            if _PRIVATE in content:
                message = f"{KEYS}{name} holds a private key ({file})"
                raise CredentialsRefusedError(message, remedy="Store the public key alone.")
            if _OPENPGP in content:
                openpgp.append(content)
            else:
                ssh += _ssh_keys(name, file, content)
    return Keyring(tuple(names), tuple(openpgp), tuple(ssh))


def _ssh_keys(name: str, file: str, content: bytes) -> Iterator[str]:
    for line in content.decode(errors="replace").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 2 or words[0] not in _SSH or not _is_base64(words[1]):
            message = f"{KEYS}{name} holds no public key ({file})"
            remedy = "Store an armoured OpenPGP block, or lines as in a .pub file of ssh-keygen."
            raise CredentialsRefusedError(message, remedy=remedy)
        yield f"{words[0]} {words[1]}"


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False


@dataclass(frozen=True, slots=True)
class Signed:
    """An object that may carry a signature.

    Attributes:
        kind: ``commit`` or ``tag``.
        oid: its id.
        name: for messages.
    """

    kind: str
    oid: str
    name: str


def verify(runner: GitRunner, folder: Path, candidates: Sequence[Signed], trusted: Keyring, *, what: str) -> None:
    """Return if one of the candidates is signed by a trusted key.

    Args:
        runner: starts git.
        folder: the bare repository.
        candidates: a commit and the tags that stand for it.
        trusted: the keys.
        what: repository and ref, for messages.

    Raises:
        SignatureRefusedError: none is.
        GpgMissingError: OpenPGP keys were asked for, and this machine has no gpg.
        CredentialsRefusedError: gpg does not take one of the keys.
        TimedOutError: git did not end in time.
    """
    with _home(trusted) as (variables, settings):
        for one in candidates:
            arguments = ["--git-dir=.", *settings, f"verify-{one.kind}", one.oid]
            if runner.run(folder, arguments, timeout=_TIMEOUT, variables=variables).status == 0:
                return
    looked_at = ", ".join(f"{one.kind} {one.name}" for one in candidates)
    message = f"{what} is not signed by {trusted} (looked at: {looked_at})"
    remedy = "Sign it with that key, or correct source.verify and what the workers have under keys/."
    raise SignatureRefusedError(message, remedy=remedy)


@contextmanager
def _home(trusted: Keyring) -> Iterator[tuple[Mapping[str, str], Sequence[str]]]:
    """Give a folder with nothing but the trusted keys, as variables and settings for git; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="flotilla-keys-") as folder:  # mode 0700
        home = Path(folder)
        signers = home / "allowed_signers"
        signers.write_text("".join(f'* namespaces="git" {key}\n' for key in trusted.ssh))
        if trusted.openpgp:
            _import(home, trusted)
        settings = {
            "gpg.program": shutil.which("gpg") or "/bin/false",
            "gpg.x509.program": "/bin/false",
            "gpg.ssh.program": shutil.which("ssh-keygen") or "/bin/false",
            "gpg.ssh.allowedSignersFile": str(signers),
            "gpg.minTrustLevel": "undefined",
        }
        parts = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        yield {"GNUPGHOME": folder}, parts


def _import(home: Path, trusted: Keyring) -> None:
    program = shutil.which("gpg")
    if program is None:
        message = "this worker has no gpg to check signatures with"
        raise GpgMissingError(message, remedy="Install gnupg, or sign with SSH keys.")
    command = [program, "--homedir", str(home), "--batch", "--no-tty", "--no-autostart", "--quiet", "--import"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            input=b"\n".join(trusted.openpgp),
            capture_output=True,
            env=environment,
            check=False,
            timeout=_TIMEOUT.total_seconds(),
        )
    except subprocess.TimeoutExpired as error:
        message = "gpg did not end in time"
        raise TransientError(message, remedy="It is tried again.") from error
    if done.returncode != 0:
        message = f"gpg does not take the keys {trusted}"
        raise CredentialsRefusedError(message, remedy="Export them again with gpg --armor --export.")
