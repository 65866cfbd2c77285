"""Where manifests come from, as an application writes it.

The format of each kind of source is kept with the kind (``common.sources.kinds``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model, model_validator

from common.registry.schema.base import (
    Base,
    CredentialsSpec,
    Name,
    Reference,
    one_of,
    refuse,
)
from common.sources.kinds import SourceKind, source_kinds


class VerifySpec(Base):
    """Signed commits or tags only."""

    keys: Annotated[list[Name], Field(min_length=1, max_length=32)] = Field(
        description="Names of the keys, one of which signed: NAME is stored with the workers as keys/NAME."
    )


class OneKind(Base):
    """A source of exactly one kind."""

    @property
    def kind(self) -> SourceKind:
        """The kind of which it is."""
        return next(kind for kind in source_kinds() if getattr(self, kind.key) is not None)

    @property
    def part(self) -> Any:
        """What it says as a source of its kind: the model under the kind's key, or itself."""
        value = getattr(self, self.kind.key)
        return value if isinstance(value, Base) else self

    @model_validator(mode="after")
    def _one_kind(self) -> OneKind:
        one_of(self, tuple(kind.key for kind in source_kinds()), "a source")
        return self


class CommonSpec(OneKind):
    """What every source has, whatever its kind."""

    credentials: CredentialsSpec | None = Field(default=None, description="How to sign in. Absent: anonymous.")
    verify: VerifySpec | None = Field(default=None, description="Signatures to ask for. Absent: none.")

    @model_validator(mode="after")
    def _can_be_signed(self) -> CommonSpec:
        if self.verify is not None and not self.kind.signed:
            refuse("verify is for Git sources", "pin an artifact by its digest, or a chart by its version")
        return self


if TYPE_CHECKING:

    class SourceSpec(CommonSpec):
        """A source: the keys of one kind, and what all have."""

else:
    # Fields stand, and validators run, from the last base to the first.
    SourceSpec = create_model(
        "SourceSpec",
        __base__=(CommonSpec, *(kind.schema() for kind in reversed(source_kinds())), OneKind),
        __doc__=f"A source of one kind, by its key: {', '.join(kind.key for kind in source_kinds())}.",
        __module__=__name__,
    )


class NamedSourceSpec(SourceSpec):
    """One of several sources."""

    name: Name = Field(description="What the other sources call it: $NAME/file.")


class SopsSpec(Base):
    """SOPS files."""

    key_ref: Reference = Field(description="Reference of the key.")


class DecryptSpec(Base):
    """How encrypted files are read."""

    sops: SopsSpec = Field(description="By SOPS.")
