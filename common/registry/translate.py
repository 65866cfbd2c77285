"""From pydantic's errors to faults a person can act on."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common.registry.documents import Source
from common.registry.faults import Fault, Suggestions, printable
from common.registry.schema import MODELS, AnyDocument
from common.yaml import Path, YamlError

_TYPES = {
    "string_type": ("a string", "quote it"),
    "bool_type": ("true or false", "write true or false"),
    "int_type": ("a whole number", "write a whole number, without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "float_type": ("a number", "write a number, without quotes"),
    "dict_type": ("a mapping", "give key: value pairs, or remove the key"),
    "list_type": ("a list", "write a list, or remove the key"),
    "model_type": ("a mapping", "give key: value pairs, or remove the key"),
    "model_attributes_type": ("a mapping", "give key: value pairs, or remove the key"),
}
_LONGEST_SHOWN = 60
_MOST_FAULTS = 100


def validated(source: Source, suggestions: Suggestions | None = None) -> tuple[AnyDocument | None, list[Fault]]:
    """Return the document as a model, or None and everything wrong with its form.

    Args:
        source: the document.
        suggestions: finds nearest names; without it the remedies name none.
    """
    model = MODELS[source.kind]
    try:
        value = source.value
    except YamlError as error:
        return None, [Fault(source.file, source.line, error.message, error.remedy, source.scope, *source.key)]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    found = [_fault(source, model, details, suggestions or Suggestions(0)) for details in errors[:_MOST_FAULTS]]
    if len(errors) > _MOST_FAULTS:
        found.append(source.fault((), f"{len(errors) - _MOST_FAULTS:,} more faults", "correct these first"))
    # A value that may have one of two forms yields an error for each: one fault per place is enough.
    return None, list({(fault.line, fault.what): fault for fault in found}.values())


def _fault(source: Source, model: type[BaseModel], error: ErrorDetails, suggestions: Suggestions) -> Fault:
    path = _existing(source.value, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    name = dotted(path)
    if kind == "refused":
        where = f"{name}: " if path else ""
        return source.fault(path, f"{where}{context['what']}", str(context["remedy"]))
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        known = _keys_at(model, path[:-1])
        return source.fault(path, f"unknown key {name[:200]!r}", suggestions.nearest(key, known, "remove it"))
    if kind == "missing":
        missing = dotted((*path, str(error["loc"][-1])))
        return source.fault(path, f"{missing} is missing", "add it")
    if kind in _TYPES:
        wanted, remedy = _TYPES[kind]
        return source.fault(path, f"{name} is {_shown(error['input'])}, not {wanted}", remedy)
    if kind in {"enum", "literal_error"}:
        allowed = list(_choices_at(model, path))
        remedy = suggestions.nearest(str(error["input"]), allowed, f"allowed: {context.get('expected', '')}")
        return source.fault(path, f"{name} is {_shown(error['input'])}, which is not allowed", remedy)
    return source.fault(path, f"{name}: {error['msg'][:200]}", "correct the value")


def dotted(path: Path) -> str:
    """Return a path as people write it: ``spec.targets[0].name``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{printable(step, 80)}" for step in path)
    return text.removeprefix(".") or "the document"


def _existing(value: Any, location: tuple[int | str, ...]) -> Path:
    """Return the part of an error's location that exists in the document; pydantic adds names of types."""
    path: list[str | int] = []
    for step in location:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            continue
        path.append(step)
    return tuple(path)


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return ascii(text[:_LONGEST_SHOWN]) if isinstance(value, str) else text[:_LONGEST_SHOWN]


def _keys_at(model: type[BaseModel], path: Path) -> set[str]:
    return {
        field.alias or name
        for annotation in _annotations(model, path)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
        for name, field in annotation.model_fields.items()
    }


def _choices_at(model: type[BaseModel], path: Path) -> Iterator[str]:
    for annotation in _annotations(model, path):
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            yield from (str(member.value) for member in annotation)
        elif get_origin(annotation) is Literal:
            yield from map(str, get_args(annotation))


def _annotations(model: type[BaseModel], path: Path) -> list[Any]:
    """Return the types that may be at ``path`` of a model, unions taken apart."""
    here: list[Any] = [model]
    for step in path:
        here = [inner for annotation in here for inner in _step(annotation, step)]
    return here


def _step(annotation: Any, step: str | int) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == step:
                yield from _taken_apart(field.annotation)
    elif get_origin(annotation) in {list, dict}:
        yield from _taken_apart(get_args(annotation)[-1])


def _taken_apart(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _taken_apart(get_args(annotation)[0])
    elif get_origin(annotation) in {types.UnionType, Union}:
        for part in get_args(annotation):
            yield from _taken_apart(part)
    else:
        yield annotation
