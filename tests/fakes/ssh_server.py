"""A real sshd on loopback for tests, with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.ports import free_port
from tests.fixtures.services import unavailable, wait_until

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
LogLevel ERROR
"""


@dataclass(frozen=True)
class SshServer:
    """A running sshd.

    Attributes:
        private_key: of the account that may sign in.
        known_hosts: that name it.
    """

    port: int
    private_key: bytes
    known_hosts: bytes

    def url(self, folder: Path) -> str:
        """Return the URL of the repository ``folder``."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"


def generate_key(path: Path) -> bytes:
    """Make a key pair at ``path`` and return the private one."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, capture_output=True)
    return path.read_bytes()


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run an sshd whose files lie in ``folder`` until the block ends."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if sshd is None:
        unavailable("sshd", "install openssh-server")
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it when it starts as root
    generate_key(folder / "host")
    private_key = generate_key(folder / "client")
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    port = free_port()
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
    process = subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), process=process, what="sshd")
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        yield SshServer(port, private_key, f"[127.0.0.1]:{port} {host_key}\n".encode())
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
