"""A request to one cluster, parsed: what is asked of which resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from simulator import errors
from simulator.apply import Conflicts
from simulator.kinds import Kind

Json = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_YAML = "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE, STRATEGIC, APPLY_YAML)


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire, as far as handlers care.

    Attributes:
        method: HTTP method in capitals.
        path: below the cluster's own prefix, with its leading slash.
        query: last value of each parameter.
        headers: names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Media type of the body without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip()

    @property
    def accept(self) -> str:
        """The Accept header as it is."""
        return self.headers.get("accept", "")

    @property
    def dry_run(self) -> bool:
        """Whether nothing may change.

        Raises:
            ApiError: 400 for any value but All.
        """
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            message = f'PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "{value}"'
            raise errors.ApiError(422, "Invalid", message)
        return value == "All"

    @property
    def manager(self) -> str:
        """Field manager: as given, else the first word of the User-Agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").split("/")[0]

    @property
    def conflicts(self) -> Conflicts:
        """What an apply does with fields of others."""
        return Conflicts.FORCE if self.query.get("force") in ("true", "1") else Conflicts.FAIL

    def document(self) -> Json:
        """Return the body as an object, JSON or YAML.

        Raises:
            ApiError: 400 when it is neither, or not an object.
        """
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            parsed = _from_yaml(self.body)
        if not isinstance(parsed, dict):
            message = "error decoding: expected an object"
            raise errors.bad_request(message)
        return parsed


def _from_yaml(body: bytes) -> Any:
    try:
        return yaml.load(body, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        message = f"error decoding YAML: {error}"
        raise errors.bad_request(message[:500]) from error


@dataclass(frozen=True, slots=True)
class Target:
    """Which resource a path names."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    code: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(code: int, document: Mapping[str, Any]) -> Answer:
    """Return a JSON answer."""
    return Answer(code, orjson.dumps(document))
