"""Which layers of the sandbox hold on this machine: measured by a program that tries to get out."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from common.sandbox.faults import NotStartedError, SandboxMissingError
from common.sandbox.launch import Limits, Streams, Strictness, View, start
from common.sandbox.scratch import ScratchFolder
from common.single_flight import SingleFlight

_TRIAL = Path(__file__).with_name("trial.py")
_LONGEST = 30
_LIMITS = Limits(memory=512 << 20, cpu=10, strictness=Strictness.WARN)


class Layer(StrEnum):
    """One thing that a confined program cannot do, and the word by which the trial tells that it could."""

    FILES = "files"
    SOCKETS = "sockets"
    EXECUTION = "execution"
    PROCESSES = "processes"
    SIGNALS = "signals"
    TRACING = "tracing"
    NETWORK = "network"


_ESCAPES = {
    Layer.FILES: {"read", "write"},
    Layer.SOCKETS: {"socket"},
    Layer.PROCESSES: {"process"},
    Layer.SIGNALS: {"signal"},
    Layer.TRACING: {"trace"},
    Layer.NETWORK: {"network"},
}
REQUIRED = (Layer.FILES, Layer.SOCKETS)
"""Without these nothing is run where strictness asks for a sandbox."""
MEANINGS = {
    Layer.FILES: "read and write outside its folder",
    Layer.SOCKETS: "open sockets",
    Layer.EXECUTION: "execute other programs",
    Layer.PROCESSES: "start processes",
    Layer.SIGNALS: "signal and limit other processes",
    Layer.TRACING: "trace other processes",
    Layer.NETWORK: "see the worker's network",
}
"""What a program can do where the layer does not hold."""
REMEDY = (
    "Run on Linux 5.13 or newer with Landlock among its security modules (see /sys/kernel/security/lsm), on x86_64 or "
    "aarch64, in a container whose seccomp profile allows landlock_* and seccomp. "
    "FLOTILLA_SANDBOX=warn renders without."
)


@dataclass(frozen=True, slots=True)
class Held:
    """What came of the trial.

    Attributes:
        layers: that hold.
    """

    layers: frozenset[Layer]

    @property
    def by_name(self) -> dict[str, bool]:
        """Whether it holds, for each layer."""
        return {layer.value: layer in self.layers for layer in Layer}

    @property
    def missing(self) -> tuple[Layer, ...]:
        """Layers that do not hold."""
        return tuple(layer for layer in Layer if layer not in self.layers)

    @property
    def lacking(self) -> tuple[Layer, ...]:
        """Layers that do not hold and must, for a worker that is strict."""
        return tuple(layer for layer in REQUIRED if layer not in self.layers)


def require() -> None:
    """Return where a program can be confined.

    Raises:
        SandboxMissingError: it could read or write files outside, or open a socket.
    """
    lacking = held().lacking
    if lacking:
        could = " and ".join(MEANINGS[layer] for layer in lacking)
        message = f"this machine cannot confine a renderer: it could {could}"
        raise SandboxMissingError(message, remedy=REMEDY)


_trials: SingleFlight[str, Held] = SingleFlight("the trial of the sandbox", patience=timedelta(seconds=2 * _LONGEST))
_found: list[Held] = []


def held() -> Held:
    """Return which layers hold on this machine; tried once in the life of a process."""
    if not _found:
        _found.append(_trials.run("trial", tried))
    return _found[0]


def tried() -> Held:
    """Return which layers hold, tried now; none where the trial itself cannot be run."""
    if sys.platform != "linux":
        return Held(frozenset())
    with ScratchFolder("flotilla-trial-") as scratch, _targets() as targets:
        command = [sys.executable, "-I", "-S", str(_TRIAL), *targets]
        streams = Streams(stdout=subprocess.PIPE)
        try:
            process = start(command, folder=Path(scratch), limits=_LIMITS, streams=streams, view=View((_TRIAL,)))
        except NotStartedError:
            return Held(frozenset())
        with process:
            try:
                said, _ = process.communicate(timeout=_LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()
                return Held(frozenset())
    words = set(said.decode().split())
    if process.returncode != 0:
        return Held(frozenset())
    layers = {layer for layer, escapes in _ESCAPES.items() if not words & escapes}
    return Held(frozenset(layers | ({Layer.EXECUTION} if "end" in words else set())))


@contextmanager
def _targets() -> Iterator[list[str]]:
    """Make what the trial tries to reach: a file, and listeners of each kind; yield its arguments."""
    abstract = f"flotilla-trial-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="flotilla-outside-") as folder, ExitStack() as opened:
        outside = Path(folder) / "file"
        outside.write_text("outside")
        path = f"{folder}/socket"
        tcp = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in (path, f"\0{abstract}"):
            listener = opened.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        port = str(tcp.getsockname()[1])
        yield [str(outside), str(os.getpid()), port, path, abstract, os.readlink("/proc/self/ns/net")]
