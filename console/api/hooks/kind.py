"""What a kind of webhook is: how its requests prove where they come from, and what they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.domain.pushes import Push

MOST_REFS = 100
"""Of one push; one with more stands for all refs of its repository."""
LONGEST = 2_000
"""Characters of an address or a ref; a longer one is none."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What a hook shares with its server.

    Attributes:
        text: the secret itself.
        user: of basic authentication.
    """

    text: bytes = field(repr=False)
    user: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came.

    Attributes:
        headers: by lower-case name.
        body: as sent, whatever its encoding.
        now: seconds since 1970.
    """

    headers: Mapping[str, str]
    body: bytes
    now: float


class HookKind(Protocol):
    """One kind of server.

    Attributes:
        name: as the file ``kind`` has it.
    """

    name: str

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether whoever sent this has the secret.

        Makes one HMAC over the body, or none: then the caller makes one, see ``signs``.
        """
        ...

    def signs(self, secret: Secret) -> bool:
        """Return whether ``proved`` makes an HMAC over the body with this secret, however the request looks."""
        ...

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Return what the payload of a proved request names; nothing for a ping, or what is no push."""
        ...


def member(value: Any, *names: str) -> Any:
    """Return what is at a path of names; None where there is nothing, or something on the way is no object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def items(value: Any, most: int) -> list[Any]:
    """Return the first items of a list; nothing of anything else."""
    return value[:most] if isinstance(value, list) else []


def texts(*values: Any) -> tuple[str, ...]:
    """Return those values that are texts of a fit length, each once."""
    return tuple(dict.fromkeys(one for one in values if isinstance(one, str) and 0 < len(one) <= LONGEST))


def addressed(value: Any, *names: str) -> tuple[str, ...]:
    """Return the addresses at some names of an object."""
    return texts(*(member(value, name) for name in names))


def push(addresses: tuple[str, ...], refs: Iterable[Any]) -> Iterable[Push]:
    """Yield a push if it has an address and a ref; with more refs than are looked at, it is of all."""
    given = tuple(refs)
    known = texts(*given)
    if addresses and known:
        yield Push(addresses, known if len(given) <= MOST_REFS else ())


def full_ref(ref: Any, kind: Any) -> Any:
    """Return a ref by its full name, where ``kind`` (``branch`` or ``tag``) says what a short one is."""
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}.get(kind) if isinstance(kind, str) else None
    if prefix is None or not isinstance(ref, str) or ref.startswith("refs/"):
        return ref
    return f"{prefix}{ref}"
