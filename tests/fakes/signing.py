"""People who sign commits and tags, with real keys of OpenPGP and SSH."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.git_server import Origin
from tests.fixtures.services import unavailable


@dataclass(frozen=True)
class Signer:
    """Somebody with a key.

    Attributes:
        public: what is stored under ``keys/``.
        settings: of git, to sign with it.
    """

    public: bytes
    settings: Mapping[str, str]

    def _git(self, origin: Origin, *arguments: str) -> None:
        settings = [part for key, value in self.settings.items() for part in ("-c", f"{key}={value}")]
        origin.git(*settings, *arguments)

    def commit(self, origin: Origin, files: Mapping[str, str]) -> str:
        """Commit and sign."""
        origin.commit(files)
        self._git(origin, "commit", "--quiet", "--amend", "--no-edit", "--gpg-sign")
        return origin.head

    def tag(self, origin: Origin, name: str) -> str:
        """Tag what is checked out, sign the tag, and return the tag object's id."""
        self._git(origin, "tag", "--sign", f"--message={name}", name)
        return origin.git("rev-parse", name)


def by_ssh(folder: Path) -> Signer:
    """Return somebody with an SSH key that is made in ``folder``."""
    if shutil.which("ssh-keygen") is None:
        unavailable("ssh-keygen", "install openssh-client")
    folder.mkdir(parents=True)
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_bytes()
    return Signer(public, {"gpg.format": "ssh", "user.signingKey": str(key)})


@contextmanager
def by_openpgp(name: str, *, expires: str = "never", at: str = "") -> Iterator[Signer]:
    """Give somebody with an OpenPGP key.

    Args:
        name: of the person.
        expires: as gpg writes it.
        at: when the key is made and used, as ``YYYYMMDDTHHMMSS``; empty for now.
    """
    if shutil.which("gpg") is None:
        unavailable("gpg", "install gnupg")
    # A path of its own: that of an agent's socket must be short.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        faked = ["--faked-system-time", at] if at else []
        gpg = ["gpg", "--homedir", home, "--batch", "--no-tty", "--quiet", "--passphrase", "", *faked]
        subprocess.run(
            [*gpg, "--quick-generate-key", f"{name} <{name}@example.com>", "ed25519", "sign", expires], check=True
        )
        public = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
        program = Path(home) / "sign"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir {home} {" ".join(faked)} "$@"\n')
        program.chmod(0o700)
        try:
            yield Signer(public, {"gpg.program": str(program), "user.signingKey": f"{name}@example.com"})
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=True)
