"""Column types and the metadata that all tables share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, String, TypeDecorator
from sqlalchemy import Text as PlainText
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

from common.domain.redact import cut

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant. SQLite keeps no zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: they would be read as another instant elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "an instant has a zone; use datetime.now(UTC)"
            raise ValueError(message)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Return the instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def storable(words: str) -> str:
    """Return ``words`` without what PostgreSQL refuses to store: NUL, and surrogates that stand alone."""
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Text(TypeDecorator[str]):
    """Words of any length from anywhere: a cluster's or a repository's answer must never keep a run from ending."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the base class's signature
        """Replace what cannot be stored."""
        return None if value is None else storable(value)


class Code(TypeDecorator[str]):
    """A short machine-readable word, cut to its column's length: PostgreSQL refuses longer ones, SQLite does not."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the base class's signature
        """Cut what is too long."""
        return None if value is None else storable(value)[: self.length]


BESIDE = "beside"
"""Marks an index, in its ``info``, that PostgreSQL builds after an upgrade: see ``common.store.engine.indexes``."""
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_LONGEST_WORD, _MOST_WORDS, _MOST_ITEMS, _DEEPEST = 8_192, 65_536, 1_000, 24
"""Of parameters: characters of one, of all together, items of a list, and how deep they nest."""


class Params(TypeDecorator[dict[str, Any]]):
    """Parameters of a reason, from anywhere: what cannot be stored is replaced, and what is too long is cut."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002 - the base class's signature
        """Replace what cannot be stored, and bound the rest; none at all is NULL."""
        return _Bounds().params(value) if value else None


class _Bounds:
    """What is left of the characters that one row's parameters may have."""

    def __init__(self) -> None:
        self._left = _MOST_WORDS

    def params(self, value: Mapping[str, Any], deep: int = 0) -> dict[str, Any]:
        return {self._words(str(key)): self._one(one, deep + 1) for key, one in islice(value.items(), _MOST_ITEMS)}

    def _one(self, value: Any, deep: int) -> Any:
        if isinstance(value, str):
            return self._words(value)
        if isinstance(value, bool | int | float) or value is None:
            return value
        if deep >= _DEEPEST:
            return None
        if isinstance(value, Mapping):
            return self.params(value, deep)
        if isinstance(value, Collection):
            return [self._one(one, deep + 1) for one in islice(value, _MOST_ITEMS)]
        # Of a type that no parameter has: told as it is written, since what tells it must be stored.
        return self._words(str(value))

    def _words(self, words: str) -> str:
        words = storable(cut(words, min(_LONGEST_WORD, self._left)))
        self._left -= len(words)
        return words


Uuid = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
"""A UUID as its usual text of 36 characters; PostgreSQL keeps its 16 bytes, and refuses what is none."""
BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of the exact type INTEGER."""


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Instant(), dict[str, Any]: Json, list[Any]: Json}  # noqa: RUF012 - SQLAlchemy's own protocol
