"""Routers of the API: one prefix, and operations that are called as the functions that answer them."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

PREFIX = "/api/v1"


def api_router(tag: str) -> APIRouter:
    """Return a router of the API for what belongs together under a tag of its description."""
    return APIRouter(prefix=PREFIX, tags=[tag], generate_unique_id_function=_name)


def _name(route: APIRoute) -> str:
    return route.name
