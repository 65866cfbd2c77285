"""Credentials by reference: the port that everyone asks, and the providers that need no cluster.

A credential is a mapping of keys to bytes, as in a Kubernetes Secret. Keys in use: ``username`` and ``password`` or
``token`` (Git over https, chart repositories, OCI registries), ``ca.crt`` (a private CA), ``ssh-privatekey`` and
``known_hosts`` (Git over ssh), ``kubeconfig`` (clusters). The provider that reads Secrets is in ``workers.kube``: only
that may import kubernetes.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from common.domain.errors import PermanentError
from common.domain.refs import is_credentials_reference
from common.settings import Settings

Credential = Mapping[str, bytes]
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LARGEST = 1 << 20
_WORLD = 0o007


class CredentialsMissingError(PermanentError):
    """No provider knows the reference."""

    code: ClassVar[str] = "credentials.missing"

    def __init__(self, ref: str, *, where: str) -> None:
        super().__init__(
            f"credentials {ref!r} were not found in {where}",
            remedy="Store them there, or correct the reference in the registry.",
        )


class CredentialsRefusedError(PermanentError):
    """The reference or what it names must not be used."""

    code: ClassVar[str] = "credentials.refused"


class CredentialsProvider(Protocol):
    """Turns references into credentials. Safe to call from several threads; nothing is logged."""

    def get(self, ref: str) -> Credential:
        """Return what ``ref`` (such as ``git/team-pay``) names.

        Raises:
            CredentialsMissingError: this provider does not know it.
            CredentialsRefusedError: the reference is malformed, or what it names is not safely kept.
            TransientError: the provider could not be reached.
        """
        ...


def checked_reference(ref: str) -> str:
    """Return ``ref`` if it is one: segments of letters, digits and ``._-`` with slashes between, no dot first.

    Raises:
        CredentialsRefusedError: it is something else, such as a way out of the provider's folder.
    """
    if not is_credentials_reference(ref):
        message = f"{ref[:80]!r} is not a credentials reference"
        raise CredentialsRefusedError(message, remedy="Write a name such as git/team-pay.")
    return ref


class DirectoryProvider:
    """A folder for each reference, a file for each key: ``ROOT/git/team-pay/token``; as mounted Secrets are."""

    def __init__(self, root: Path) -> None:
        self._root = root

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
            raise CredentialsRefusedError(message, remedy="chmod 0600 (a mounted Secret: defaultMode: 0400).")
        if state.st_size > _LARGEST:
            message = f"{path} is larger than {_LARGEST:,} bytes"
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


class EnvironmentProvider:
    """A variable for each reference: ``PREFIXGIT_TEAM_PAY`` for ``git/team-pay``, a JSON object of texts by key."""

    def __init__(self, prefix: str, environment: Mapping[str, str] | None = None) -> None:
        self._prefix = prefix
        self._environment = os.environ if environment is None else environment

    def get(self, ref: str) -> Credential:
        """Return what the variable holds.

        Raises:
            CredentialsMissingError: it is not set.
            CredentialsRefusedError: the reference is malformed, or the variable holds something else.
        """
        name = self._prefix + re.sub(r"[^A-Z0-9]", "_", checked_reference(ref).upper())
        text = self._environment.get(name)
        if text is None:
            raise CredentialsMissingError(ref, where=f"the environment as {name}")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            message = f"the variable {name} does not hold a JSON object of texts"
            raise CredentialsRefusedError(message, remedy='Set it to {"username": "…", "token": "…"}.')
        return {key: item.encode() for key, item in value.items()}


class ChainProvider:
    """Several providers, asked in order; the first that knows a reference answers."""

    def __init__(self, providers: Sequence[CredentialsProvider]) -> None:
        self._providers = tuple(providers)

    def get(self, ref: str) -> Credential:
        """Return the first answer.

        Raises:
            CredentialsMissingError: none knows it; as the last one said it.
            CredentialsRefusedError: one knows it and refuses: the others are not asked.
        """
        missing = CredentialsMissingError(ref, where="any provider")
        for provider in self._providers:
            try:
                return provider.get(ref)
            except CredentialsMissingError as error:
                missing = error
        raise missing


def provider_from(settings: Settings, *others: CredentialsProvider) -> CredentialsProvider:
    """Return the providers that ``settings`` name, in their order, then ``others``."""
    providers: list[CredentialsProvider] = [
        DirectoryProvider(settings.credentials_dir or settings.path("credentials")),
    ]
    if settings.credentials_env_prefix:
        providers.append(EnvironmentProvider(settings.credentials_env_prefix))
    return ChainProvider([*providers, *others])
