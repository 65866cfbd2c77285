"""What is wrong with a request, said in our own words: the framework's name its own types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_INSTANT = "is no instant with its zone, as 2026-11-01T00:00:00Z"
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "json_invalid": "is no JSON",
    "string_too_long": "is longer than {max_length} characters",
    "less_than_equal": "is more than {le}",
    "less_than": "is not below {lt}",
    "greater_than_equal": "is less than {ge}",
    "greater_than": "is not above {gt}",
    "int_parsing": "is no whole number",
    "float_parsing": "is no number",
    "string_pattern_mismatch": "does not fit {pattern}",
    "enum": "is none of: {expected}",
    "literal_error": "is none of: {expected}",
    "datetime_from_date_parsing": _INSTANT,
    "datetime_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "model_attributes_type": "is no JSON object; send one with `Content-Type: application/json`",
    "model_type": "is no JSON object; send one with `Content-Type: application/json`",
    "dict_type": "is no JSON object; send one with `Content-Type: application/json`",
}
"""By the type of the fault; the rest cannot be used, whatever the reason."""


def invalid(fault: Mapping[str, Any]) -> str:
    """Return one fault of a request as words: which value, and what is wrong with it; never the value itself."""
    if fault["type"] == "json_invalid":
        return f"the body {_SAID['json_invalid']}"  # its place is an offset in the text, no name
    parts = (str(part)[:100] for part in fault["loc"] if part not in {"body", "query", "path"})
    where = ".".join(parts) or "the body"
    said = _SAID.get(fault["type"], "cannot be used")
    return f"{where} {said.format(**fault.get('ctx', {}))}"
