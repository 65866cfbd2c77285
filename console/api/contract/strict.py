"""Parameters of queries: what a route does not know is refused, as is a second value of what has one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.routing import APIRoute

from common.domain.names import suggestion
from console.api.contract.errors import At, RequestError, pointer

_MOST = 5
"""Wrong parameters that are told."""


def strict(request: Request) -> None:
    """Refuse a query that a route would not read as its sender meant it; a FastAPI dependency.

    Raises:
        RequestError: a parameter is unknown, or there twice where the route takes one.
    """
    if not request.scope["query_string"]:
        return
    known = parameters(request.scope["route"])
    given = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [name for name in given if name not in known]
    if unknown:
        message = f"there is no parameter {unknown[0][:100]!r} here"
        remedy = suggestion(unknown[0], known, "this takes none")
        raise RequestError(message, remedy=remedy, at=_at(unknown, "is not known here"))
    twice = [name for name, count in given.items() if count > 1 and not known[name]]
    if twice:
        message = f"{twice[0]} is given more than once"
        raise RequestError(message, remedy="give one value", at=_at(twice, "is given more than once"))


def _at(names: list[str], detail: str) -> tuple[At, ...]:
    return tuple(At(pointer("query", name), detail) for name in names[:_MOST])


def parameters(route: APIRoute) -> Mapping[str, bool]:
    """Return the names of a route's parameters of the query, each with whether it may be there several times."""
    return dict(_parameters(route.dependant))


def _parameters(dependant: Any) -> Iterator[tuple[str, bool]]:
    for one in dependant.query_params:
        yield one.alias, any(get_origin(each) is list for each in _alternatives(one.field_info.annotation))
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *get_args(annotation))
