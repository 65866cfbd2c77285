"""Where manifests come from, as an application writes it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from common.domain.addresses import AddressError, chart_repository, git_address, oci_repository
from common.domain.refs import OCI, is_commit, is_oci_digest, is_oci_tag, is_ref_name
from common.registry.schema.base import (
    Base,
    CredentialsSpec,
    Folder,
    Name,
    Reference,
    Text,
    address,
    one_of,
    refuse,
)
from common.semver import RangeError, VersionRange, is_version

_CHART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
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


def _chart(value: str) -> str:
    if _CHART.fullmatch(value) is None:
        refuse(f"{value[:80]!r} is not the name of a chart", "use at most 63 letters, digits and ._-")
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


class GitRefSpec(Base):
    """What to follow in Git; exactly one of its keys."""

    branch: RefName | None = Field(default=None, description="Follows a branch.")
    tag: RefName | None = Field(default=None, description="A tag.")
    semver: Range | None = Field(default=None, description="The highest version among the tags that is in a range.")
    commit: Commit | None = Field(default=None, description="A full commit id.")

    @model_validator(mode="after")
    def _exactly_one(self) -> GitRefSpec:
        one_of(self, ("branch", "tag", "semver", "commit"), "a ref")
        return self


class OciRefSpec(Base):
    """What to follow in an OCI repository; exactly one of its keys."""

    tag: Tag | None = Field(default=None, description="A tag.")
    semver: Range | None = Field(default=None, description="The highest version among the tags that is in a range.")
    digest: Digest | None = Field(default=None, description="The digest of a manifest.")

    @model_validator(mode="after")
    def _exactly_one(self) -> OciRefSpec:
        one_of(self, ("tag", "semver", "digest"), "a ref")
        return self


class HelmSourceSpec(Base):
    """A chart in a chart repository."""

    repo: Annotated[str, address(chart_repository)] = Field(
        description="URL of the chart repository; oci://HOST/NAME for one in an OCI registry."
    )
    chart: Annotated[str, AfterValidator(_chart)] = Field(description="Name of the chart.")
    version: Version = Field(description="Version, or a range of which the highest is followed.")

    @model_validator(mode="after")
    def _chart_has_a_place(self) -> HelmSourceSpec:
        if self.repo.startswith(OCI):
            try:
                oci_repository(f"{self.repo.removeprefix(OCI).rstrip('/')}/{self.chart}")
            except AddressError as error:
                refuse(f"the chart's repository is refused: {error.what}", error.remedy)
        return self


class OciSourceSpec(Base):
    """Manifests, or a chart, in an OCI artifact."""

    image: Annotated[str, address(oci_repository)] = Field(
        description="Repository of the artifact: HOST/NAME, without scheme and tag."
    )
    ref: OciRefSpec = Field(description="Which of its versions.")
    path: Folder = Field(default=".", description="Folder in the artifact.")


class VerifySpec(Base):
    """Signed commits or tags only."""

    keys: Annotated[list[Name], Field(min_length=1, max_length=32)] = Field(
        description="Names of the keys, one of which signed: NAME is stored with the workers as keys/NAME."
    )


class SourceSpec(Base):
    """Git (repo, path, ref), or helm, or oci."""

    repo: Annotated[str, address(git_address)] | None = Field(
        default=None, description="URL of a Git repository: https://…, ssh://… or USER@HOST:PATH."
    )
    path: Folder | None = Field(default=None, description="Folder in the repository. Absent: its root.")
    ref: GitRefSpec | None = Field(default=None, description="What to follow in the repository.")
    helm: HelmSourceSpec | None = Field(default=None, description="A chart, instead of a repository.")
    oci: OciSourceSpec | None = Field(default=None, description="An artifact, instead of a repository.")
    credentials: CredentialsSpec | None = Field(default=None, description="How to sign in. Absent: anonymous.")
    verify: VerifySpec | None = Field(default=None, description="Signatures to ask for. Absent: none.")
    submodules: bool = Field(default=False, description="Whether a path may lead into a submodule of a repository.")

    @model_validator(mode="after")
    def _one_kind(self) -> SourceSpec:
        one_of(self, ("repo", "helm", "oci"), "a source")
        if (self.repo is None) != (self.ref is None) or (self.repo is None and self.path is not None):
            refuse("repo, ref and path belong together", "a Git source has repo and ref, and may have path")
        if self.submodules and self.repo is None:
            refuse("submodules are for Git sources", "leave it out")
        if self.verify is not None and self.repo is None:
            refuse("verify is for Git sources", "pin an artifact by its digest, or a chart by its version")
        return self


class NamedSourceSpec(SourceSpec):
    """One of several sources."""

    name: Name = Field(description="What the other sources call it: $NAME/file.")


class SopsSpec(Base):
    """SOPS files."""

    key_ref: Reference = Field(description="Reference of the key.")


class DecryptSpec(Base):
    """How encrypted files are read."""

    sops: SopsSpec = Field(description="By SOPS.")
