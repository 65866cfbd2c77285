"""Health rules in a file of their own, for an author who tries them before a registry holds them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from common.domain.errors import PermanentError
from common.domain.fleet import HealthRule
from common.registry import build
from common.registry.schema.health import HealthRuleDocument, HealthSpec
from common.yaml import REGISTRY_LIMITS, Dialect, YamlError, load_documents

_RULES = TypeAdapter(list[HealthSpec])
_DOCUMENT = TypeAdapter(HealthRuleDocument)


class RulesError(PermanentError):
    """The file holds no health rules, or one that cannot be used."""

    code = "health.rules"


def health_rules(text: bytes) -> tuple[HealthRule, ...]:
    """Return the rules of a file: a list as under ``spec.health``, a whole Application, or HealthRule documents.

    Raises:
        RulesError: naming the rule and what is wrong with it.
    """
    try:
        documents = load_documents(text, REGISTRY_LIMITS, dialect=Dialect.REGISTRY)
        if documents and all(_is_document(one.value) for one in documents):
            return tuple(build.health_rule(_DOCUMENT.validate_python(one.value)) for one in documents)
        (document,) = documents
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
        remedy = "Give a list of rules, one Application, or HealthRule documents alone."
        raise RulesError(message, remedy=remedy) from error
    return tuple(map(build.health, specs))


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == "HealthRule" and "spec" in value


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        spec = value.get("spec")
        return spec.get("health", []) if isinstance(spec, dict) else value.get("health", value)
    return value
