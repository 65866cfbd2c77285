"""``flotilla health``: what the hub would say of objects, from files alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from common.domain.errors import PermanentError
from common.domain.health import WELL, Health, HealthReport
from common.domain.reasons import sentence
from common.registry import health_rules
from common.settings import settings
from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from console.cli.exits import Exit
from console.cli.output import Format, Output, is_data, table
from workers.public.health import Context, assess, evaluating, late_classes, own_rules

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


class UnreadableError(PermanentError):
    """A file holds no objects."""

    code = "health.file"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One object's health, in the order of the input."""

    kind: str
    namespace: str
    name: str
    status: Health
    message: str
    code: str
    params: dict[str, Any]


def health(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...|-", help="manifests with their status, YAML or JSON")],
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            help="a list of health rules, an Application that has some, HealthRule documents, or a folder of those; "
            "may be given again"
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Say how healthy objects are, as the hub would. Exit 1 unless all are healthy or suspended.

    Example: kubectl get deploy,certificate -A -o yaml | flotilla health -
    """
    given = [rule for each in rules or () for file in _files(each) for rule in health_rules(_content(file))]
    manifests = [manifest for file in files for manifest in _manifests(file)]
    context = Context(datetime.now(UTC), late_classes(manifests))
    with evaluating(settings()) as evaluator:
        own = own_rules(given, evaluator)
        seen = [_seen(manifest, assess(manifest, context, own)) for manifest in manifests]
    if not is_data(output, seen):
        rows = [(one.kind, one.namespace, one.name, one.status, one.message) for one in seen]
        table(("kind", "namespace", "name", "health", ""), rows, empty="No objects.")
    raise typer.Exit(Exit.DONE if all(one.status in WELL for one in seen) else Exit.NO)


def _seen(manifest: dict[str, Any], report: HealthReport) -> _Seen:
    metadata = manifest.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    kind, namespace, name = manifest.get("kind", ""), named.get("namespace", ""), named.get("name", "")
    why = report.reason
    said = sentence(why)
    return _Seen(str(kind), str(namespace), str(name), report.health, said, str(why.code), dict(why.params))


def _files(rules: Path) -> list[Path]:
    """Return a file, or the files of a folder that hold HealthRule documents."""
    if not rules.is_dir():
        return [rules]
    inside = sorted(file for file in rules.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    return [file for file in inside if b"HealthRule" in _content(file)]


def _content(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise UnreadableError(message) from error


def _manifests(file: Path) -> Iterator[dict[str, Any]]:
    try:
        documents = load_documents(_content(file), MANIFEST_LIMITS)
    except YamlError as error:
        message = f"{file}: {error}"
        raise UnreadableError(message) from error
    for document in documents:
        value = document.value
        if not isinstance(value, dict):
            message = f"{file}:{document.line}: not an object"
            raise UnreadableError(message, remedy="Give manifests, or the List that kubectl get -o yaml prints.")
        listed = value.get("items") if str(value.get("kind", "")).endswith("List") else None
        if value.get("kind") == "List" and not isinstance(listed, list):
            message = f"{file}:{document.line}: items of this List is no list"
            raise UnreadableError(message, remedy="Give the List that kubectl get -o yaml prints.")
        yield from (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else (value,)
