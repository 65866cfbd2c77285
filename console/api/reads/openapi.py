"""The API's own description: OpenAPI 3.1, made of the routes and the models of what they answer.

``python -m console.api.describe`` writes it to docs/reference/openapi.json, and a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from console.api.contract.problem import MEDIA_TYPE, Problem
from console.api.contract.routing import PREFIX, api_router
from console.api.door.needs import signed_in

router = api_router("access")
_REF = "#/components/schemas/{model}"
_OF_FRAMEWORK = ("HTTPValidationError", "ValidationError")
_TAGS = {
    "fleet": "The fleet, or a part of it, and what is wrong there.",
    "placements": "One application on one cluster.",
    "runs": "What was decided, done and found.",
    "commits": "Where a commit is.",
    "inspections": "A placement as it lives on its cluster now.",
    "events": "What came about, in one order.",
    "registry": "What a registry would change.",
    "requests": "What people ask for: the scheduler carries it out.",
    "access": "Who asks, and what they may do.",
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application's API."""
    found = get_openapi(
        title="Flotilla",
        version="v1",
        summary="GitOps for fleets.",
        routes=app.routes,
        tags=[{"name": name, "description": said} for name, said in _TAGS.items()],
    )
    found["paths"] = {path: item for path, item in found["paths"].items() if path.startswith(PREFIX)}
    schemas = found["components"]["schemas"]
    for name in _OF_FRAMEWORK:
        schemas.pop(name, None)
    schemas[Problem.__name__] = Problem.model_json_schema(ref_template=_REF, mode="serialization")
    schemas |= schemas[Problem.__name__].pop("$defs", {})
    found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    problem = {"$ref": _REF.format(model=Problem.__name__)}
    for operation in operations(found):
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = {
            "description": "Why it was not answered.",
            "content": {MEDIA_TYPE: {"schema": problem}},
        }
    return found


def operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of a description."""
    for item in description["paths"].values():
        yield from item.values()


@router.get("/openapi.json", dependencies=[signed_in()], include_in_schema=False)
def get_openapi_json(request: Request) -> Response:
    """Return the API's description."""
    return Response(text(request.app), media_type="application/json")


@lru_cache(maxsize=1)
def text(app: FastAPI) -> str:
    """Return the description of an application's API as it is published."""
    return json.dumps(document(app), indent=1, ensure_ascii=False) + "\n"
