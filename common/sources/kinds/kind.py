"""What every kind of source is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from common.domain.fleet import Source
from common.domain.refs import SourceRef

if TYPE_CHECKING:
    from common.registry.schema.base import Base
    from common.sources.doors import Door, Machine


@dataclass(frozen=True, slots=True)
class Pin:
    """One way in which a target can be held at a version.

    Attributes:
        fits: whether a value may be it.
        what: the value has to be, in words: ``a tag of an OCI registry``.
        remedy: what to do about one that is not.
    """

    fits: Callable[[str], bool]
    what: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the registry says of every source, whatever its kind.

    Attributes:
        credentials: reference; empty for anonymous.
        keys: names of the keys of which one must have signed; empty asks for none.
        name: what other sources call it; empty for the only one.
    """

    credentials: str
    keys: tuple[str, ...]
    name: str


class SourceKind(Protocol):
    """One kind of source. It holds no state; safe to use from several threads."""

    @property
    def key(self) -> str:
        """The key of ``spec.source`` that asks for it."""
        ...

    @property
    def words(self) -> str:
        """What people call such a source: ``a source of WORDS``."""
        ...

    @property
    def pins(self) -> Mapping[str, Pin]:
        """By which a target can be held, by the key of its pin; in the order in which they are advised."""
        ...

    @property
    def signed(self) -> bool:
        """Whether its signatures can be asked for (``verify``)."""
        ...

    def schema(self) -> type[Base]:
        """Return the model of its keys in ``spec.source``; the one called ``key`` is None where it is not meant."""
        ...

    def address(self, spec: Any) -> tuple[tuple[str, ...], str]:
        """Return where in a source it is said what is read, and the URL that a project must allow for it.

        Args:
            spec: what is under ``key``; the whole source where that is no model of its own.
        """
        ...

    def declared(self, spec: Any, common: Declared) -> Source:
        """Return the source that ``spec``, as in ``address``, declares."""
        ...

    def read(self, repo: str, credentials: str, text: str) -> SourceRef | None:
        """Return what was stored as ``SourceRef.text``; None where it is another kind's."""
        ...

    def door(self, machine: Machine) -> tuple[type[SourceRef], Door]:
        """Return what resolves and opens its sources on this machine, and the class of those that it takes."""
        ...
