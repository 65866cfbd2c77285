"""The published schemas accept what the parser accepts, and say every default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from common.registry import Documents, json_schemas, read_directory
from common.registry.documents import read_files
from common.registry.faults import Suggestions
from common.registry.schema import MODELS

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("folder", ["fleet", "fleet-later"])
def test_the_schemas_accept_the_examples(folder: str) -> None:
    schemas = {kind: jsonschema_rs.Draft202012Validator(schema) for kind, schema in json_schemas().items()}
    found = read_files(read_directory(EXAMPLES / folder)[0], Documents(), Suggestions()).sources
    assert found
    for source in found:
        schemas[source.kind].validate(source.value)


def test_the_schemas_refuse_unknown_keys() -> None:
    schema = jsonschema_rs.Draft202012Validator(json_schemas()["Fleet"])
    assert schema.is_valid({"kind": "Fleet", "metadata": {"name": "a"}})
    assert not schema.is_valid({"kind": "Fleet", "metadata": {"name": "a"}, "sepc": {}})


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_field_is_described_and_every_optional_one_says_its_default(kind: str) -> None:
    schema = json_schemas()[kind]
    objects: dict[str, Any] = {kind: schema, **schema.get("$defs", {})}
    for name, definition in objects.items():
        for field, described in definition.get("properties", {}).items():
            # A description that its type has too is written there only.
            words = described if "description" in described else objects[described["$ref"].removeprefix("#/$defs/")]
            assert words["description"], f"{name}.{field}"
            assert field in definition.get("required", []) or "default" in described, f"{name}.{field}"


def test_defaults_are_written_as_a_registry_would_have_them() -> None:
    definitions = json_schemas()["Application"]["$defs"]
    assert definitions["SyncSpec"]["properties"]["deadline"]["default"] == "15m"
    assert definitions["SyncSpec"]["properties"]["mode"]["default"] == "enforce"
    assert definitions["ApplicationSpec"]["properties"]["onUnmatch"]["default"] == "retain"
    assert definitions["RetrySpec"]["properties"]["ceiling"]["default"] == "3m"
    assert json_schemas()["RolloutStrategy"]["$defs"]["WaveSpec"]["properties"]["maxConcurrent"]["default"] == "20%"
