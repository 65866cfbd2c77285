"""The operator's hooks: a folder for each, with the files ``kind`` and ``secret``."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from common.domain.errors import PermanentError
from common.single_flight import SingleFlight
from common.telemetry.logs import logger
from console.api.hooks.kind import HookKind, Secret
from console.api.hooks.kinds import KINDS
from console.api.hooks.proofs import SIGNING, signing_key

log = logger(__name__)
SHORTEST = 16
"""Bytes of a secret."""
MOST_SECRETS = 2
"""Of one hook: the secret, and the former one while it is changed."""
KEPT = 5.0
"""Seconds after which the folder is read again."""
PATIENCE = timedelta(seconds=5)
"""How long one request waits for another one's look at the folder."""
_KEYS = ("kind", "secret", "former-secret", "username")
_WORLD = 0o007
_LARGEST = 4096
MOST = 1_000
"""Hooks; those behind the last one, by name, are not served."""


class HookFaultyError(PermanentError):
    """A folder of the operator's is no hook."""

    code = "webhook.faulty"


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook.

    Attributes:
        name: in its path; empty of the one that stands for all that do not exist.
        kind: of its server.
        secrets: that are taken: one, and the former one while it is changed.
    """

    name: str
    kind: HookKind
    secrets: tuple[Secret, ...]


class Hooks:
    """The hooks of a folder; read anew now and then, by whoever asks. May be asked from several threads.

    Args:
        folder: of all hooks; need not exist.
        clock: monotonic seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._looks: SingleFlight[str, Mapping[str, Hook]] = SingleFlight("the look at the hooks", patience=PATIENCE)
        self._known: tuple[Mapping[str, Hook], float] = ({}, float("-inf"))
        """Those of the last look, and until when they hold."""
        self._faults: Mapping[str, str] = {}
        self._none = Hook("", KINDS["github"], (Secret(secrets.token_bytes(32)),))

    def get(self, name: str) -> Hook:
        """Return a hook; for a name that is none, one whose secret nobody has."""
        return self._read().get(name, self._none)

    def kinds(self) -> Mapping[str, str]:
        """Return the kinds of all hooks by name."""
        return {name: one.kind.name for name, one in self._read().items()}

    def _read(self) -> Mapping[str, Hook]:
        known, until = self._known
        return known if self._clock() < until else self._looks.run("hooks", self._look)

    def _look(self) -> Mapping[str, Hook]:
        known, faults = _hooks(self._folder)
        for name, fault in faults.items():
            if self._faults.get(name) != fault:
                log.warning("webhook.faulty", hook=name, error=fault)
        self._faults = faults
        self._known = known, self._clock() + KEPT
        return known


def _hooks(folder: Path) -> tuple[Mapping[str, Hook], Mapping[str, str]]:
    """Return the hooks of a folder, and what is wrong with the others, by name."""
    hooks: dict[str, Hook] = {}
    faults: dict[str, str] = {}
    try:
        names = sorted(one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        return {}, {"": f"the folder of hooks cannot be read: {error.strerror}"}
    for name in names[:MOST]:
        try:
            hooks[name] = hook(name, _files(name, folder / name))
        except HookFaultyError as error:
            faults[name] = str(error)
        except OSError as error:
            faults[name] = f"it cannot be read: {error.strerror}"
    return hooks, faults


def _files(name: str, folder: Path) -> Mapping[str, bytes]:
    """Return the contents of a hook's files by name.

    Raises:
        HookFaultyError: one is open to everybody on this machine, or larger than any is.
        OSError: one cannot be read.
    """
    found = {}
    for key in _KEYS:
        path = folder / key
        if not path.is_file():
            continue
        state = path.stat()
        if state.st_mode & _WORLD or state.st_size > _LARGEST:
            message = f"hook {name}: its file {key} is open to everyone on this machine, or large"
            raise HookFaultyError(message, remedy="chmod 0600 (in a Secret, `defaultMode: 0400`)")
        found[key] = path.read_bytes()
    return found


def hook(name: str, files: Mapping[str, bytes]) -> Hook:
    """Return the hook that some files make.

    Raises:
        HookFaultyError: they make none; says why, and shows no secret.
    """
    given = _text(files, "kind").decode("utf-8", "replace")
    kind = KINDS.get(given)
    if kind is None:
        message = f"hook {name}: its file kind names no kind of webhooks"
        raise HookFaultyError(message, remedy=f"write one of {', '.join(sorted(KINDS))}")
    user = _text(files, "username")
    texts = [_text(files, key) for key in ("secret", "former-secret") if key == "secret" or key in files]
    for text in texts:
        _check(name, kind, text)
    return Hook(name, kind, tuple(Secret(text, user) for text in texts))


def _check(name: str, kind: HookKind, text: bytes) -> None:
    if len(text) < SHORTEST:
        message = f"hook {name}: its secret has fewer than {SHORTEST} bytes"
        raise HookFaultyError(message, remedy="make one with `openssl rand -hex 32`")
    signing = text.startswith(SIGNING) or kind is KINDS["standard"]
    if signing and kind in (KINDS["standard"], KINDS["gitlab"]) and len(signing_key(text)) < SHORTEST:
        message = f"hook {name}: its signing secret is not {SHORTEST} bytes or more in Base64 behind whsec_"
        raise HookFaultyError(message, remedy="give it as the server shows it")


def _text(files: Mapping[str, bytes], key: str) -> bytes:
    return files.get(key, b"").strip()
