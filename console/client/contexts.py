"""Hubs by name, in a file of the person's own: where each is, and what is shown to it.

The file holds tokens: its owner alone may read it, it is replaced as a whole, and no value of it prints a token.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.domain.errors import PermanentError
from common.domain.names import suggestion

LOCAL = "local"
"""The context that is always there: the hub on this machine."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_BYTES = 1024 * 1024
MOST_TOKEN = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


class ContextError(PermanentError):
    """A context cannot be used: there is none of that name, or what it says is not safe."""

    code = "context"


@dataclass(frozen=True, slots=True)
class Context:
    """A hub elsewhere.

    Attributes:
        name: by which people call it.
        server: its address.
        token: what is shown to it; empty where a file has it, or nobody has signed in.
        token_file: holds the token instead; None for none.
        ca_file: certificates that it is verified by, instead of the system's; None for those.
    """

    name: str
    server: str
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Contexts:
    """All that the file holds.

    Attributes:
        current: the context that is used where none is named.
        by_name: all but ``local``.
    """

    current: str = LOCAL
    by_name: Mapping[str, Context] = field(default_factory=dict)

    def named(self, name: str) -> Context:
        """Return a context.

        Raises:
            ContextError: there is none of that name.
        """
        if name not in self.by_name:
            message = f"there is no context {name!r}; {suggestion(name, [LOCAL, *self.by_name])}"
            raise ContextError(message, remedy="`flotilla contexts list` has them all.")
        return self.by_name[name]

    def of_server(self, server: str) -> Context | None:
        """Return the context of a hub by its address; None where no context is of it."""
        return next((one for one in self.by_name.values() if one.server == server), None)

    def having(self, context: Context) -> Contexts:
        """Return the contexts with this one, which takes the place of its namesake."""
        return replace(self, by_name={**self.by_name, context.name: context})

    def without(self, name: str) -> Contexts:
        """Return the contexts without one; raises as ``named``. Where it was current, ``local`` is."""
        self.named(name)
        left = {key: one for key, one in self.by_name.items() if key != name}
        return Contexts(LOCAL if self.current == name else self.current, left)

    def using(self, name: str) -> Contexts:
        """Return the contexts with another current one; raises as ``named``."""
        if name != LOCAL:
            self.named(name)
        return replace(self, current=name)


def checked_name(name: str) -> str:
    """Return the name of a context.

    Raises:
        ContextError: it cannot be one.
    """
    if name == LOCAL or not _NAME.fullmatch(name):
        message = f"{name!r} cannot be the name of a context"
        raise ContextError(message, remedy=f"Use letters, digits and . _ - ; {LOCAL!r} is the hub on this machine.")
    return name


def checked_server(given: str) -> str:
    """Return the address of a hub in its one spelling.

    Raises:
        ContextError: it is none, or a token would travel in the clear.
    """
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host or not given.isascii() or not given.isprintable() or " " in given:
        message = f"{given!r} is no address of a hub"
        raise ContextError(message, remedy="Give it as https://HOST, with port and path where it has them.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        message = f"{parts.scheme}://{host} would carry the token in the clear"
        raise ContextError(message, remedy="Use https.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        message = f"the address of the hub at {host} holds more than where it is"
        raise ContextError(message, remedy="Leave out user, password, query and fragment.")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "") + parts.path.rstrip("/")


def checked_token(given: str) -> str:
    """Return a token that a header can carry.

    Raises:
        ContextError: it is empty, too long, or holds what no token does. It is not told.
    """
    token = given.strip()
    if len(token) > MOST_TOKEN or not _TOKEN.fullmatch(token):
        message = "what was given is no token: empty, too long, or with spaces or other signs in it"
        raise ContextError(message)
    return token


def file() -> Path:
    """Return where the contexts are."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "flotilla" / "contexts.json"


def load() -> Contexts:
    """Return the contexts; none where there is no file.

    Raises:
        ContextError: others can read the file, or it holds something else.
    """
    path = file()
    try:
        with path.open("rb") as opened:
            status = os.fstat(opened.fileno())
            text = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return Contexts()
    if status.st_mode & 0o077 or status.st_uid != os.geteuid():
        message = f"{path} can be read by others, or belongs to somebody else"
        raise ContextError(message, remedy=f"chmod 600 {path}, and have tokens in it replaced.")
    try:
        return _read(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        message = f"{path} does not hold contexts"
        raise ContextError(message, remedy="Mend it, or delete it and set the contexts again.") from None


def _read(text: bytes) -> Contexts:
    if len(text) > MOST_BYTES:
        raise ValueError
    found = json.loads(text)
    by_name = {name: _context(name, one) for name, one in found["contexts"].items()}
    current = found["current"]
    return Contexts(current if current in by_name else LOCAL, by_name)


def _context(name: str, one: Mapping[str, Any]) -> Context:
    token, token_file, ca_file = (str(one.get(key) or "") for key in ("token", "token_file", "ca_file"))
    return Context(
        checked_name(name),
        checked_server(one["server"]),
        checked_token(token) if token else "",
        Path(token_file) if token_file else None,
        Path(ca_file) if ca_file else None,
    )


def update(change: Callable[[Contexts], Contexts]) -> Contexts:
    """Change the file, one process after another, and return what it holds then; raises as ``load``."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(path.parent / "contexts.lock"):
        changed = change(load())
        written = {
            "current": changed.current,
            "contexts": {name: _plain(one) for name, one in sorted(changed.by_name.items())},
        }
        _replace(path.resolve(), json.dumps(written, indent=2) + "\n")
    return changed


def _plain(one: Context) -> dict[str, str]:
    said = {"server": one.server, "token": one.token}
    said |= {"token_file": str(one.token_file or ""), "ca_file": str(one.ca_file or "")}
    return {key: value for key, value in said.items() if value}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    # Imported here, where a file is written: most commands only read it.
    import tempfile

    # Made with mode 0600 beside it: no reader ever sees half of it, nor anybody else any of it.
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text)
        os.replace(made, path)
    except BaseException:
        os.unlink(made)
        raise
