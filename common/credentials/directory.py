"""Credentials in folders, as mounted Secrets are."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from common.credentials.provider import (
    LARGEST,
    Credential,
    CredentialsMissingError,
    CredentialsRefusedError,
    checked_reference,
)
from common.settings import Settings

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WORLD = 0o007


class DirectoryProvider:
    """A folder for each reference, a file for each key: ``ROOT/git/team-pay/token``; as mounted Secrets are."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @classmethod
    def from_settings(cls, settings: Settings) -> DirectoryProvider:
        """Return the hub's own folder of credentials."""
        return cls(settings.credentials_dir or settings.path("credentials"))

    def get(self, ref: str) -> Credential:
        """Return the files of ``ROOT/ref``; hidden ones (a mounted Secret's links) are no keys.

        Raises:
            CredentialsMissingError: there is no such folder, or it is empty.
            CredentialsRefusedError: the reference is malformed, or a file is open to everyone on the machine.
        """
        folder = self._root / checked_reference(ref)
        try:
            names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
            found = {name: self._read(folder / name) for name in names if (folder / name).is_file()}
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CredentialsMissingError(ref, where=str(self._root)) from error
        except PermissionError as error:
            message = f"credentials {ref!r} cannot be read by this process"
            raise CredentialsRefusedError(message, remedy=f"Give its user access to {folder}.") from error
        if not found:
            raise CredentialsMissingError(ref, where=str(self._root))
        return found

    @staticmethod
    def _read(path: Path) -> bytes:
        state = path.stat()
        if state.st_mode & _WORLD:
            message = f"{path} is open to everyone on this machine"
            raise CredentialsRefusedError(message, remedy="chmod 0600 (in a Secret, `defaultMode: 0400`).")
        if state.st_size > LARGEST:
            message = f"{path} is larger than {LARGEST:,} bytes"
            raise CredentialsRefusedError(message, remedy="Store the credential itself.")
        return path.read_bytes()

    def store(self, ref: str, credential: Credential) -> Path:
        """Keep ``credential`` under ``ref``, in place of what was there, and return its folder (mode 0700).

        Raises:
            CredentialsRefusedError: the reference or a key is malformed.
        """
        folder = self._root / checked_reference(ref)
        for key in credential:
            if _KEY.fullmatch(key) is None:
                message = f"{key[:80]!r} is not a key of a credential"
                raise CredentialsRefusedError(message, remedy="Use letters, digits and ._-")
        for parent in reversed([folder.parent, *folder.parent.parents]):
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)
        fresh = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
        fresh.mkdir(mode=0o700)
        for key, value in credential.items():
            descriptor = os.open(fresh / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(value)
        if folder.exists():
            former = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
            folder.rename(former)
            fresh.rename(folder)
            shutil.rmtree(former)
        else:
            fresh.rename(folder)
        return folder
