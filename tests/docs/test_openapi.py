"""The published description of the API is that of this version, and whole."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from console.api.describe import FILE, described
from console.api.reads.openapi import operations
from console.client import generate


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(described())
    return found


def test_the_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == described(), "write it: python -m console.api.describe"


def test_the_client_is_made_of_it() -> None:
    for path, text in generate.files(described()).items():
        assert path.read_text(encoding="utf-8") == text, "write it: python -m console.api.describe"


def test_operations_are_called_as_what_answers_them(description: dict[str, Any]) -> None:
    ids = [one["operationId"] for one in operations(description)]
    assert len(ids) == len(set(ids)) > 20
    assert [one for one in ids if not re.fullmatch(r"(get|post|put|patch|delete)_[a-z_]+", one)] == []
    assert all(len(one["tags"]) == 1 for one in operations(description))


def test_every_answer_is_a_declared_model(description: dict[str, Any]) -> None:
    for one in operations(description):
        answers = one["responses"]
        assert answers["default"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
        for status, answer in answers.items():
            for of, content in answer.get("content", {}).items():
                assert content["schema"] not in ({}, {"type": "object"}), (one["operationId"], status, of)
                assert content["schema"].get("additionalProperties") is not True, (one["operationId"], status)


def test_whatever_is_referred_to_is_there(description: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(description)))
    assert named <= set(description["components"]["schemas"])
    assert not {one for one in description["components"]["schemas"] if "Validation" in one}


def test_what_is_wrong_with_placements_is_not_described_as_an_error(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    name = schemas["Problems"]["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
    assert sorted(schemas[name]["properties"]) == ["count", "placement", "refs"]
