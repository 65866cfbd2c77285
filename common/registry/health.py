"""Health rules in a file of their own, for an author who tries them before a registry holds them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from common.domain.errors import PermanentError
from common.domain.fleet import HealthRule
from common.registry.schema.application import HealthSpec
from common.yaml import REGISTRY_LIMITS, Dialect, YamlError, load_documents

_RULES = TypeAdapter(list[HealthSpec])


class RulesError(PermanentError):
    """The file holds no health rules, or one that cannot be used."""

    code = "health.rules"


def health_rules(text: bytes) -> tuple[HealthRule, ...]:
    """Return the rules of a file: a list as under ``spec.health``, or a whole Application.

    Raises:
        RulesError: naming the rule and what is wrong with it.
    """
    try:
        (document,) = load_documents(text, REGISTRY_LIMITS, dialect=Dialect.REGISTRY)
        specs = _RULES.validate_python(_listed(document.value))
    except YamlError as error:
        raise RulesError(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = f"rule {where}: {first['msg']}"
        raise RulesError(message, remedy=str(first.get("ctx", {}).get("remedy", ""))) from error
    except ValueError as error:
        message = "the file holds not one document"
        raise RulesError(message, remedy="Give a list of rules, or one Application.") from error
    return tuple(HealthRule(one.kind, one.group, one.healthy or "", one.failed or "") for one in specs)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        spec = value.get("spec")
        return spec.get("health", []) if isinstance(spec, dict) else value.get("health", value)
    return value
