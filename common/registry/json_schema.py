"""The JSON Schemas that editors complete and check registry documents by."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from common.domain.fleet import Amount, Unit
from common.registry.schema import MODELS
from common.registry.schema.base import duration_text

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Schemas(GenerateJsonSchema):
    """Writes defaults as a registry would have them."""

    def encode_default(self, dft: Any) -> Any:
        """Return a default as JSON: durations and amounts as text, nested settings without what is absent."""
        if isinstance(dft, timedelta):
            return duration_text(dft)
        if isinstance(dft, Amount):
            return str(dft) if dft.unit is Unit.PERCENT else dft.value
        if isinstance(dft, Enum):
            return dft.value
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dft


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (draft 2020-12) of every kind, with the default and a description of each field."""
    return {
        kind: {"$schema": _DIALECT, **model.model_json_schema(by_alias=True, schema_generator=_Schemas)}
        for kind, model in MODELS.items()
    }
