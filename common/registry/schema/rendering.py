"""What an application says of how it is rendered: the formats that ``common.renderers`` names, and them together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, model_validator

from common.registry.schema.base import Base, Folder, Glob, Name, Text, one_of, refuse
from common.renderers import renderers

_IMAGE = re.compile(r"(?=.*[=:@])[A-Za-z0-9][A-Za-z0-9._/:@-]*(=[A-Za-z0-9][A-Za-z0-9._/:@-]*)?")


def _image(value: str) -> str:
    if len(value) > 512 or _IMAGE.fullmatch(value) is None:
        refuse(f"{value[:80]!r} is not an image", "write NAME=NEWNAME:TAG, NAME:TAG or NAME@DIGEST")
    return value


class HelmRenderSpec(Base):
    """Settings of Helm."""

    values_files: list[Text] = Field(
        default=[], description="Files, lowest first: paths from the chart's folder, or $NAME/FILE in another source."
    )
    release_name: Name | None = Field(default=None, description="Absent: the application's name.")
    sets: Annotated[list[Text], Field(max_length=500)] = Field(
        default=[], description="KEY=VALUE as in `helm template --set`, over the registry's values."
    )
    lookup: Literal["empty", "refuse"] = Field(
        default="empty", description="`lookup` in templates finds nothing, with a warning; or such a chart is refused."
    )
    skip_crds: bool = Field(default=False, description="Whether the chart's crds folder is left out.")
    skip_tests: bool = Field(
        default=False,
        description="Whether objects that are a test beside another hook are left out; those that are a test alone "
        "always are.",
    )
    skip_schema_validation: bool = Field(
        default=False, description="Whether values are given without holding them to the chart's values.schema.json."
    )


class PatchSpec(Base):
    """A patch as in a kustomization, written out: files of the source are not read from here."""

    patch: Annotated[str, Field(min_length=1, max_length=65_536)] = Field(description="Strategic merge or JSON 6902.")
    target: dict[str, Any] | None = Field(default=None, description="Which objects. Absent: named by the patch.")
    options: dict[str, bool] | None = Field(default=None, description="allowNameChange, allowKindChange. Absent: none.")


class KustomizeRenderSpec(Base):
    """Settings of Kustomize, laid over the folder's own."""

    images: list[Annotated[str, AfterValidator(_image)]] = Field(
        default=[], description="NAME=NEWNAME:TAG, NAME:TAG or NAME@DIGEST."
    )
    patches: list[PatchSpec] = Field(default=[], description="Patches as in a kustomization.")
    components: list[Folder] = Field(default=[], description="Folders of components, from the repository's root.")
    name_prefix: Text | None = Field(default=None, description="Put before every name. Absent: none.")
    name_suffix: Text | None = Field(default=None, description="Put after every name. Absent: none.")


class JsonnetRenderSpec(Base):
    """Settings of Jsonnet."""

    libs: list[Folder] = Field(default=[], description="Library folders, from the repository's root.")
    top_level_arguments: dict[str, Any] = Field(default={}, description="Arguments of the top-level function.")


class PlainRenderSpec(Base):
    """Settings of plain manifests."""

    include: list[Glob] = Field(default=[], description="Files to take, from the source's path. None: all of YAML.")
    exclude: list[Glob] = Field(default=[], description="Files to leave out; wins over include.")


CommandName = Name
"""What the operator calls a command; which program that is, is never said here."""


class _Rendering(Base):
    """Which renderer; exactly one of its keys. Absent: detected from what is in the folder."""

    @model_validator(mode="after")
    def _one_renderer(self) -> _Rendering:
        one_of(self, tuple(type(self).model_fields), "render")
        return self


if TYPE_CHECKING:
    RenderSpec = _Rendering
else:
    RenderSpec = create_model(
        "RenderSpec",
        __base__=_Rendering,
        __doc__=_Rendering.__doc__,
        **{
            entry.name: (entry.load_format() | None, Field(default=None, description=entry.description))
            for entry in renderers()
        },
    )
