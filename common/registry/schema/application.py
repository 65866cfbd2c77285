"""Application: what, where, and how it is synced."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from common.domain.fleet import (
    AdoptPolicy,
    ApplicationState,
    ConflictPolicy,
    ExtraFields,
    OnUnmatch,
    SubstitutionScope,
    SyncMode,
    Undefined,
)
from common.domain.fleet.sources import MOST_SOURCES
from common.domain.runs import RetryPolicy
from common.registry.schema.base import (
    LAX,
    Base,
    Count,
    Duration,
    Head,
    LabelledMetadata,
    Name,
    Percent,
    SelectorSpec,
    Text,
    one_of,
    refuse,
)
from common.registry.schema.core import Values
from common.registry.schema.health import HealthSpec
from common.registry.schema.rendering import RenderSpec
from common.registry.schema.sources import DecryptSpec, NamedSourceSpec, SourceSpec
from common.registry.schema.versions import PinSpec

_DEFAULT_RETRY = RetryPolicy()


def _pointer(value: str) -> str:
    if not value.startswith("/") or len(value) > 512 or re.search(r"~(?![01])", value):
        refuse(f"{value[:80]!r} is not a JSON pointer", "write it as /spec/replicas")
    return value


Event = Literal["failed", "degraded", "recovered", "waiting", "succeeded"]


Pointer = Annotated[str, AfterValidator(_pointer)]


class ExpectSpec(Base):
    """How many clusters a target must select; outside, the last good version of the document stays."""

    min: Count | None = Field(default=None, description="At least. Absent: no bound.")
    max: Count | None = Field(default=None, description="At most. Absent: no bound.")

    @model_validator(mode="after")
    def _in_order(self) -> ExpectSpec:
        if self.min is None and self.max is None:
            refuse("expect without a bound", "give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse(f"expect from {self.min} to {self.max} admits nothing", "give min at most max")
        return self


class TargetSpec(Base):
    """Clusters by name or by labels, and what differs there."""

    name: Name = Field(description="Unique in its application.")
    clusters: list[Name] | None = Field(default=None, description="Clusters by name; or use select.")
    select: SelectorSpec | None = Field(default=None, description="Clusters by label, of those the project allows.")
    values: Values = Field(default={}, description="Highest layer of values.")
    pin: PinSpec | None = Field(default=None, description="Held at this ref. Absent: the source's ref.")
    expect: ExpectSpec | None = Field(default=None, description="Bounds of how many it selects. Absent: none.")

    @model_validator(mode="after")
    def _one_way(self) -> TargetSpec:
        if not self.clusters and self.select is None:
            refuse("a target that names no cluster", "give clusters or select")
        one_of(self, ("clusters", "select"), "a target")
        return self


class DependencySpec(Base):
    """What must be healthy first."""

    application: Name = Field(description="Name of the application.")
    clusters: SelectorSpec | None = Field(default=None, description="On these clusters. Absent: on the same cluster.")


class MovedFromSpec(Base):
    """A former name."""

    application: Name = Field(description="The application's former name, whose objects it keeps.")


class RetrySpec(Base):
    """min(ceiling, base x factor^n), with jitter."""

    limit: Annotated[int, Field(ge=0, le=100)] = Field(default=_DEFAULT_RETRY.limit, description="Retries of one run.")
    base: Duration = Field(default=_DEFAULT_RETRY.base, description="First delay.")
    factor: Annotated[float, Field(ge=1, le=10)] = Field(default=_DEFAULT_RETRY.factor, description="Growth.")
    ceiling: Duration = Field(default=_DEFAULT_RETRY.ceiling, description="Longest delay.")


class PruneSpec(Base):
    """Guards of removals; what is absent comes from the fleet's defaults."""

    enabled: bool | None = Field(default=None, description="Absent: as the fleet's defaults.")
    max_objects: Count | None = Field(default=None, description="Absent: as the fleet's defaults.")
    max_percent: Percent | None = Field(default=None, description="Absent: as the fleet's defaults.")


class IgnoreSpec(Base):
    """Fields that others own."""

    kind: Text = Field(description="Kind of the objects.")
    group: str | None = Field(default=None, description="Their API group. Absent: any.")
    namespace: Name | None = Field(default=None, description="Absent: any.")
    name: Text | None = Field(default=None, description="Absent: any.")
    paths: list[Pointer] = Field(default=[], description="JSON pointers of the fields.")
    managers: list[Text] = Field(default=[], description="Field managers: every field that one of them owns.")

    @model_validator(mode="after")
    def _names_fields(self) -> IgnoreSpec:
        if not (self.paths or self.managers):
            refuse("an ignore rule that names no field", "give paths, managers or both")
        return self


class SyncSpec(Base):
    """How placements are synced."""

    mode: Annotated[SyncMode, LAX] = Field(
        default=SyncMode.ENFORCE, description="enforce; warn: detected, not written; manual: written when asked."
    )
    deadline: Duration = Field(default=timedelta(minutes=15), description="How long health is awaited.")
    retry: RetrySpec = Field(default=RetrySpec(), description="How often and when a failed attempt is repeated.")
    windows: list[Name] = Field(default=[], description="SyncWindows in which syncs may start. None: always.")
    prune: PruneSpec = Field(default=PruneSpec(), description="Guards of removals.")
    adopt: Annotated[AdoptPolicy, LAX] = Field(
        default=AdoptPolicy.UNOWNED,
        description="unowned: objects that no tool has marked; any: also those of Argo CD, Flux or Helm; never.",
    )
    ignore: list[IgnoreSpec] = Field(default=[], description="Fields neither reported nor overwritten.")
    conflicts: Annotated[ConflictPolicy, LAX] = Field(
        default=ConflictPolicy.FAIL, description="fail, or take-over of fields that never were ours."
    )
    extra_fields: Annotated[ExtraFields, LAX] = Field(
        default=ExtraFields.KEEP, description="keep, or remove, what people added by hand and Git does not have."
    )


class NotifySpec(Base):
    """Events that go to a channel."""

    on: Annotated[list[Literal["failed", "degraded", "recovered", "waiting", "succeeded"]], Field(min_length=1)] = (
        Field(description="Which events.")
    )
    to: Name = Field(description="A channel of the project.")


class SubstituteSpec(Base):
    """How variables are filled in."""

    undefined: Annotated[Undefined, LAX] = Field(
        default=Undefined.FAULT, description="A variable without a value or default is a fault, or empty (Flux)."
    )
    scope: Annotated[SubstitutionScope, LAX] = Field(
        default=SubstitutionScope.TEXTS,
        description="texts; or yaml (Flux): keys too, and what comes out is read again: the text 3 is a number.",
    )


def _form(value: Any) -> str:
    return "how" if isinstance(value, (dict, SubstituteSpec)) else "whether"


Substitute = Annotated[
    Annotated[bool, Tag("whether")] | Annotated[SubstituteSpec, Tag("how")],
    Discriminator(_form),
]


class ApplicationSpec(Base):
    """What to run, how, and where."""

    project: Name | None = Field(default=None, description="Absent: default, where the registry has no Project.")
    state: Annotated[ApplicationState, LAX] = Field(
        default=ApplicationState.ACTIVE, description="active, or retired: its objects are removed everywhere."
    )
    interval: Duration | None = Field(default=None, description="Absent: as the fleet's defaults.")
    source: SourceSpec | None = Field(default=None, description="Where its manifests come from; or use sources.")
    sources: Annotated[list[NamedSourceSpec], Field(min_length=1, max_length=MOST_SOURCES)] | None = Field(
        default=None, description="Several sources, instead of source; a target's pin holds the first."
    )
    render: RenderSpec | None = Field(default=None, description="Absent: detected.")
    decrypt: DecryptSpec | None = Field(default=None, description="Absent: nothing is decrypted.")
    substitute: Substitute = Field(
        default=False, description="Whether, or how, ${name} and ${name:=default} are filled in after rendering."
    )
    namespace: Name = Field(description="Namespace of objects that name none.")
    create_namespace: bool = Field(default=False, description="Whether it is created; needs the project's leave.")
    values: Values = Field(default={}, description="Lowest layer of values.")
    targets: Annotated[list[TargetSpec], Field(min_length=1, max_length=256)] = Field(
        description="Top to bottom, the first that takes a cluster wins; a cluster that none takes is not placed."
    )
    on_unmatch: Annotated[OnUnmatch, LAX] = Field(
        default=OnUnmatch.RETAIN, description="What becomes of a placement that no target takes any more."
    )
    strategy: Name | None = Field(default=None, description="A RolloutStrategy. Absent: all placements at once.")
    depends_on: list[DependencySpec] = Field(default=[], description="Applications that must be healthy first.")
    moved_from: MovedFromSpec | None = Field(default=None, description="Absent: it had no other name.")
    sync: SyncSpec = Field(default=SyncSpec(), description="How placements are synced.")
    health: list[HealthSpec] = Field(default=[], description="Own health rules, before the built-in ones.")
    notify: list[NotifySpec] = Field(default=[], description="Who is told what.")

    @model_validator(mode="after")
    def _consistent(self) -> ApplicationSpec:
        one_of(self, ("source", "sources"), "an application")
        for what, names in (
            ("targets", [target.name for target in self.targets]),
            ("sources", [source.name for source in self.sources or []]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                refuse(f"two {what} are called {twice[0]}", "give each a name of its own")
        return self


class ApplicationDocument(Head):
    """An application."""

    kind: Literal["Application"] = Field(description="Application.")
    metadata: LabelledMetadata = Field(description="Name and labels.")
    spec: ApplicationSpec = Field(description="What to run, how, and where.")
