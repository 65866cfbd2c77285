"""Types of what a source is held at: branches, tags, commits, digests, versions and ranges."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from common.domain.refs import is_commit, is_oci_digest, is_oci_tag, is_ref_name
from common.registry.schema.base import Base, Text, one_of, refuse
from common.semver import RangeError, VersionRange, is_version

_LONGEST_VERSION = 150


def _ref_name(value: str) -> str:
    if not is_ref_name(value):
        refuse(f"{value[:80]!r} is not a branch or tag name", "give the name as git shows it, without refs/")
    return value


def _commit(value: str) -> str:
    if not is_commit(value):
        refuse(f"{value[:80]!r} is not a full commit id", "give all 40 (or 64) lower-case hex digits")
    return value


def _tag(value: str) -> str:
    if not is_oci_tag(value):
        refuse(f"{value[:80]!r} is not a tag of an OCI registry", "use at most 128 letters, digits and ._-")
    return value


def _digest(value: str) -> str:
    if not is_oci_digest(value):
        refuse(f"{value[:80]!r} is not a digest", "write sha256: and all 64 lower-case hex digits")
    return value


RefName = Annotated[str, AfterValidator(_ref_name)]
Commit = Annotated[str, AfterValidator(_commit)]
Tag = Annotated[str, AfterValidator(_tag)]
Digest = Annotated[str, AfterValidator(_digest)]


class PinSpec(Base):
    """Where a target is held; exactly one of its keys."""

    branch: RefName | None = Field(default=None, description="Follows a branch.")
    tag: RefName | None = Field(default=None, description="A tag; of a chart, its version.")
    commit: Commit | None = Field(default=None, description="A full commit id.")
    digest: Digest | None = Field(default=None, description="The digest of an OCI artifact.")

    @model_validator(mode="after")
    def _exactly_one(self) -> PinSpec:
        one_of(self, ("branch", "tag", "commit", "digest"), "a pin")
        return self


def _range(value: str) -> str:
    try:
        return VersionRange(value).text
    except RangeError as error:
        refuse(str(error), "write it as in '>=1.8 <2', '^1.2' or '1.x'")


def _version(value: str) -> str:
    if len(value) > _LONGEST_VERSION:
        refuse("the version is too long", f"give at most {_LONGEST_VERSION} characters")
    return value if is_version(value) else _range(value)


Range = Annotated[Text, AfterValidator(_range)]
Version = Annotated[Text, AfterValidator(_version)]
