"""The routes of an application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi.routing import APIRoute


def routes(found: Iterable[object]) -> Iterator[APIRoute]:
    """Yield every route, those of included routers too."""
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router.routes)
