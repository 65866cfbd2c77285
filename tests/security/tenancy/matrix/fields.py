"""Every field that there is, by asking the code that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from pydantic import BaseModel

from common.registry.schema import MODELS
from tests.harness.routes import routes
from workers.render.kustomize import kustomization
from workers.sync.objects import marks
from workers.sync.plan import places

_MARK = re.compile(r"[a-z.]+/[a-z-]+")


def of_registry() -> frozenset[str]:
    """Return every field of the registry's format, as ``Kind.spec.path``."""
    return frozenset(path for kind, model in MODELS.items() for path in _fields(model, kind))


def _fields(model: type[BaseModel], at: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{at}.{field.alias or name}"
        inner = [*_models(field.annotation)]
        for one in inner:
            yield from _fields(one, path)
        if not inner:
            yield path


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)


def of_kustomizations() -> frozenset[str]:
    """Return every field that a kustomization may have."""
    items = kustomization._ITEM_KEYS
    whole = kustomization._KNOWN - items.keys()
    return whole | {f"{key}.{part}" for key, parts in items.items() for part in parts}


def of_metadata() -> frozenset[str]:
    """Return every label and annotation that the engine reads."""
    words = (value for module in (marks, places) for value in vars(module).values() if isinstance(value, str))
    return frozenset(word for word in words if _MARK.fullmatch(word))


def of_requests(found: Iterable[object]) -> frozenset[str]:
    """Return every parameter of the API: of paths, queries and bodies."""
    return frozenset(name for route in routes(found) for name in _parameters(route.dependant))


def _parameters(dependant: Any) -> Iterator[str]:
    yield from (each.name for each in (*dependant.path_params, *dependant.query_params))
    for body in dependant.body_params:
        model = body.field_info.annotation
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        yield from model.model_fields if is_model else [body.name]
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def decided(fields: Iterable[str], rows: Iterable[str], names_nothing: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the decisions: fields without one or with two, and decisions about no field.

    Args:
        fields: all that there are.
        rows: those that a table has, as patterns.
        names_nothing: those by which nothing of another project can be named, as patterns, with the reason.
    """
    fields, patterns = set(fields), [*rows, *names_nothing]
    by = {field: [one for one in patterns if fnmatchcase(field, one)] for field in fields}
    wrong = [f"{field}: no decision" for field, found in by.items() if not found]
    wrong += [f"{field}: {found}" for field, found in by.items() if len(set(found)) > 1]
    used = {one for found in by.values() for one in found}
    return sorted([*wrong, *(f"{one}: there is no such field" for one in patterns if one not in used)])
