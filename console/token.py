"""The one token of the hub, a way in for whoever has its disk: made at first start, readable by its owner alone."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from common.domain.errors import PermanentError
from common.settings import Settings

ACTOR = "operator"
"""Who bears it: whoever may read the hub's folder, nobody by name."""
TOKEN_BYTES = 32
LOCAL = "local"
"""Key of a request's state: it came through the hub's Unix socket, or from a command that runs the API's own code, and
so from whoever may read the hub's folder."""


class TokenFileError(PermanentError):
    """The token's file is readable by others, or cannot be used."""

    code = "api.token"


def token_file(settings: Settings) -> Path:
    """Return where the token is."""
    return settings.api_token_file or settings.home / "api.token"


def load_or_make_token(settings: Settings) -> str:
    """Return the hub's token; made with mode 0600 where there is none.

    Raises:
        TokenFileError: others can read the file, or it is empty.
    """
    path = token_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load(path)
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        file.write(token + "\n")
    return token


def _load(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        message = f"{path} can be read by others"
        raise TokenFileError(
            message, remedy=f"chmod 600 {path}, or delete it to have a new token made at the next start."
        )
    token = path.read_text().strip()
    if not token:
        message = f"{path} is empty"
        raise TokenFileError(message, remedy="Delete it to have a token made at the next start.")
    return token


def same(given: str, token: str) -> bool:
    """Return whether the two are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(), token.encode())
