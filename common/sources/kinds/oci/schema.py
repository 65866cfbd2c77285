"""How a source in an OCI registry is written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from common.domain.addresses import oci_repository
from common.registry.schema.base import Base, Folder, address, one_of
from common.registry.schema.versions import Digest, Range, Tag


class OciRefSpec(Base):
    """What to follow in an OCI repository; exactly one of its keys."""

    tag: Tag | None = Field(default=None, description="A tag.")
    semver: Range | None = Field(default=None, description="The highest version among the tags that is in a range.")
    digest: Digest | None = Field(default=None, description="The digest of a manifest.")

    @model_validator(mode="after")
    def _exactly_one(self) -> OciRefSpec:
        one_of(self, ("tag", "semver", "digest"), "a ref")
        return self


class OciSourceSpec(Base):
    """Manifests, or a chart, in an OCI artifact."""

    image: Annotated[str, address(oci_repository)] = Field(
        description="Repository of the artifact: HOST/NAME, without scheme and tag."
    )
    ref: OciRefSpec = Field(description="Which of its versions.")
    path: Folder = Field(default=".", description="Folder in the artifact.")


class OciPart(Base):
    """The keys of a source in an OCI registry."""

    oci: OciSourceSpec | None = Field(default=None, description="An artifact, instead of a repository.")
