"""How a source of charts is written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from common.domain.addresses import AddressError, chart_repository, oci_repository
from common.domain.refs import OCI
from common.registry.schema.base import Base, address, refuse
from common.registry.schema.versions import Version

_CHART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _chart(value: str) -> str:
    if _CHART.fullmatch(value) is None:
        refuse(f"{value[:80]!r} is not the name of a chart", "use at most 63 letters, digits and ._-")
    return value


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


class ChartPart(Base):
    """The keys of a source of charts."""

    helm: HelmSourceSpec | None = Field(default=None, description="A chart, instead of a repository.")
