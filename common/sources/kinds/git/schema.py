"""How a source in Git is written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from common.domain.addresses import git_address
from common.registry.schema.base import Base, Folder, address, one_of, refuse
from common.registry.schema.versions import Commit, Range, RefName


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


class GitPart(Base):
    """The keys of a source in Git."""

    repo: Annotated[str, address(git_address)] | None = Field(
        default=None, description="URL of a Git repository: https://…, ssh://… or USER@HOST:PATH."
    )
    path: Folder | None = Field(default=None, description="Folder in the repository. Absent: its root.")
    ref: GitRefSpec | None = Field(default=None, description="What to follow in the repository.")
    submodules: bool = Field(default=False, description="Whether a path may lead into a submodule of a repository.")

    @model_validator(mode="after")
    def _belong_together(self) -> GitPart:
        if (self.repo is None) != (self.ref is None) or (self.repo is None and self.path is not None):
            refuse("repo, ref and path belong together", "a Git source has repo and ref, and may have path")
        if self.submodules and self.repo is None:
            refuse("submodules are for Git sources", "leave it out")
        return self
