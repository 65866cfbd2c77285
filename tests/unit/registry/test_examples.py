"""The examples: everything carried out is in order, everything else is refused by name and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from common.domain.fleet import (
    ApplicationState,
    GitSource,
    JobGate,
    MetricGate,
    OciSource,
)
from common.registry import Documents, parse, read_directory, restore, validate_directory
from common.registry.build import application, strategy
from common.registry.carried_out import NOT_YET
from common.registry.documents import Source, read_files
from common.registry.faults import Suggestions
from common.registry.schema import MODELS, ApplicationDocument, RolloutStrategyDocument
from common.registry.schema.core import FleetDefaults
from common.registry.translate import validated

EXAMPLES = Path(__file__).parents[3] / "examples"


def sources(folder: str) -> list[Source]:
    files, faults = read_directory(EXAMPLES / folder)
    assert not faults
    return read_files(files, Documents(), Suggestions()).sources


def test_the_example_fleet_has_no_fault_and_is_placed() -> None:
    assert validate_directory(EXAMPLES / "fleet") == ()
    fleet = parse(read_directory(EXAMPLES / "fleet")[0]).fleet
    assert fleet is not None
    dispositions = {str(placement.ref): placement.disposition.value for placement in fleet.placements()}
    assert set(dispositions.values()) == {"sync", "observe", "hold", "remove", "forget"}
    assert dispositions["eu-prod-03/payments"] == "sync"
    assert fleet.applications["old-payments"].state is ApplicationState.RETIRED


def test_what_later_versions_bring_is_refused_by_name_and_only_that() -> None:
    faults = validate_directory(EXAMPLES / "fleet-later")
    others = [str(fault) for fault in faults if "is not yet carried out" not in fault.what]
    assert others == []


def test_every_line_of_the_table_has_an_example() -> None:
    named = {
        (fault.kind, fault.what.removesuffix(" is not yet carried out"))
        for fault in validate_directory(EXAMPLES / "fleet-later")
    }
    assert {(entry.kind, ".".join(entry.path)) for entry in NOT_YET} <= named


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _paths(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner)


def _fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            if inner not in seen:
                yield from _fields(inner, seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_field_has_an_example(kind: str) -> None:
    shown = {
        key
        for folder in ("fleet", "fleet-later")
        for source in sources(folder)
        if source.kind == kind
        for key in _paths(source.value)
    }
    assert set(_fields(MODELS[kind], set())) - shown == set()


def test_what_is_not_carried_out_yet_has_values_in_the_domain_too() -> None:
    built = {}
    for source in sources("fleet-later"):
        document, faults = validated(source)
        assert not faults
        if isinstance(document, ApplicationDocument):
            built[source.name] = application(source, document, FleetDefaults())
        elif isinstance(document, RolloutStrategyDocument) and source.name == "prod-waves":
            gates = strategy(source, document).waves[0].after
            assert isinstance(gates[1], MetricGate)
            assert gates[2] == JobGate("smoke")
    payments, smoke = built["payments"], built["smoke"]
    assert isinstance(payments.source, GitSource)
    assert payments.source.ref.value == ">=1.8 <2"
    assert payments.source.verify == ("release-team",)
    assert payments.render is not None
    assert payments.render.renderer == "helm"
    expected = {"valuesFiles": ["values.yaml"], "releaseName": "payments", "sets": ["image.tag=v2"], "lookup": "refuse"}
    skipped = dict.fromkeys(("skipCrds", "skipTests", "skipSchemaValidation"), True)
    assert payments.render.options == expected | skipped
    assert payments.decrypt == "sops/team-pay"
    assert isinstance(smoke.sources[0], OciSource)


def test_a_stored_example_gives_the_same_fleet_again() -> None:
    result = parse(read_directory(EXAMPLES / "fleet")[0])
    again = Documents.from_json(result.documents.to_json())
    assert restore(again) == result.fleet
