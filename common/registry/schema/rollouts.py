"""RolloutStrategy and SyncWindow."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from common.domain.fleet import (
    A_FIFTH,
    NONE_AT_ALL,
    OnBreach,
    OnNewRevision,
    Unreachable,
)
from common.registry.schema.base import (
    LAX,
    AmountOf,
    Base,
    Duration,
    Head,
    Metadata,
    Name,
    SelectorSpec,
    Text,
    refuse,
)

_CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_CRON_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")


def _cron(value: str) -> str:
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS) or not all(
        _cron_field(field, low, high) for field, (low, high) in zip(fields, _CRON_FIELDS, strict=True)
    ):
        refuse(f"{value[:80]!r} is not a cron expression", "give minute, hour, day, month and weekday in numbers")
    return value


def _cron_field(field: str, low: int, high: int) -> bool:
    for part in field.split(","):
        match = _CRON_PART.fullmatch(part)
        if match is None:
            return False
        first, last, step = (int(text) if text else None for text in match.groups())
        start, end = (low, high) if first is None else (first, last if last is not None else first)
        if not low <= start <= end <= high or step == 0:
            return False
    return True


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        refuse(f"{value[:80]!r} is not a time zone", "give a name such as Europe/Berlin")
    return value


class ApprovalGateSpec(Base):
    """An approval."""

    by: Name = Field(description="Role whose members approve.")
    count: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="How many of them.")


class MetricGateSpec(Base):
    """A query that must stay within bounds for a time."""

    provider: Name = Field(description="Which metrics provider.")
    query: Text = Field(description="In the provider's language.")
    min: float | None = Field(default=None, description="Smallest value that passes. Absent: no bound.")
    max: float | None = Field(default=None, description="Largest value that passes. Absent: no bound.")
    lasting: Duration = Field(alias="for", description="How long it must pass.")

    @model_validator(mode="after")
    def _bounded(self) -> MetricGateSpec:
        if self.min is None and self.max is None:
            refuse("a metric gate without a bound", "give min, max or both")
        return self


class JobGateSpec(Base):
    """The jobs of another application."""

    application: Name = Field(description="Application whose jobs must succeed.")


class GateSpec(Base):
    """One gate; exactly one of its keys."""

    approval: ApprovalGateSpec | None = Field(default=None, description="Waits for approvals.")
    metric: MetricGateSpec | None = Field(default=None, description="Waits for a metric.")
    job: JobGateSpec | None = Field(default=None, description="Waits for jobs.")

    @model_validator(mode="after")
    def _exactly_one(self) -> GateSpec:
        if sum(gate is not None for gate in (self.approval, self.metric, self.job)) != 1:
            refuse("a gate with none or several of its keys", "give exactly one of approval, metric and job")
        return self


class WaveSpec(Base):
    """One step of a strategy."""

    name: Name = Field(description="Unique in its strategy.")
    select: SelectorSpec | None = Field(default=None, description="Which clusters; or use remaining.")
    remaining: bool = Field(default=False, description="Takes every cluster that no wave selects.")
    max_concurrent: AmountOf = Field(default=A_FIFTH, description="Placements at once; at least 1.")
    max_failures: AmountOf = Field(default=NONE_AT_ALL, description="Failures before the strategy's onBreach.")
    deadline: Duration = Field(default=timedelta(minutes=15), description="How long one placement's health is awaited.")
    soak: Duration = Field(default=timedelta(0), description="How long the wave must stay healthy. Absent: not at all.")
    after: list[GateSpec] = Field(default=[], description="Gates after the wave.")
    windows: list[Name] = Field(default=[], description="SyncWindows in which it may run.")
    allow_empty: bool = Field(default=False, description="Whether it may select no cluster.")

    @model_validator(mode="after")
    def _selects(self) -> WaveSpec:
        if self.remaining == (self.select is not None):
            refuse("a wave with neither or both of select and remaining", "give select, or 'remaining: true'")
        return self


class StrategySpec(Base):
    """The order in which a revision reaches the fleet."""

    waves: Annotated[list[WaveSpec], Field(min_length=1, max_length=1000)] = Field(description="One after the other.")
    unreachable: Annotated[Unreachable, LAX] = Field(
        default=Unreachable.DEFER, description="What is done with a cluster that cannot be reached."
    )
    on_breach: Annotated[OnBreach, LAX] = Field(
        default=OnBreach.PAUSE, description="What is done when failures exceed their bound."
    )
    on_new_revision: Annotated[OnNewRevision, LAX] = Field(
        default=OnNewRevision.REPLACE, description="What a newer revision does to a rollout under way."
    )

    @model_validator(mode="after")
    def _waves_differ(self) -> StrategySpec:
        names: set[str] = set()
        for wave in self.waves:
            if wave.name in names:
                refuse(f"two waves are called {wave.name}", "give each wave a name of its own")
            names.add(wave.name)
        if sum(wave.remaining for wave in self.waves) > 1:
            refuse("two waves take the remaining clusters", "keep one")
        return self


class RolloutStrategyDocument(Head):
    """A strategy that applications name."""

    kind: Literal["RolloutStrategy"] = Field(description="RolloutStrategy.")
    metadata: Metadata = Field(description="Its name.")
    spec: StrategySpec = Field(description="Waves and what happens when one goes wrong.")


class WindowRuleSpec(Base):
    """Times, by a cron expression and a length."""

    cron: Annotated[str, AfterValidator(_cron)] = Field(description="When it begins: five fields.")
    duration: Duration = Field(description="How long it lasts.")
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(default="UTC", description="Of the cron expression.")


class WindowSpec(Base):
    """When syncs may start."""

    allow: list[WindowRuleSpec] = Field(default=[], description="Times in which they may. None: always.")
    deny: list[WindowRuleSpec] = Field(default=[], description="Times in which they may not; wins over allow.")
    manual: bool = Field(default=False, description="Whether a person may sync outside the window.")

    @model_validator(mode="after")
    def _says_something(self) -> WindowSpec:
        if not self.allow and not self.deny:
            refuse("a window without times", "give allow, deny or both")
        return self


class SyncWindowDocument(Head):
    """Times at which syncs may start."""

    kind: Literal["SyncWindow"] = Field(description="SyncWindow.")
    metadata: Metadata = Field(description="Its name.")
    spec: WindowSpec = Field(description="Its times.")
