"""What another fleet would change: two plans from the same facts, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.domain.fleet import NOWHERE, Application, Cluster, Fleet, Placement, Source, ValueLayer
from common.domain.fleet.values import ValuePath
from common.domain.placements import PlacementState
from common.domain.reasons import hold_sentence, sentence
from common.domain.refs import PlacementRef
from common.domain.status import NONE
from scheduler.planning.facts import Current, Facts, Resolved
from scheduler.planning.plan import Step, plan


class Effect(StrEnum):
    """What becomes of one placement, the most consequential first."""

    REMOVED = "removed"
    """Its objects are deleted, except those that are kept or protected."""
    ASKS = "asks"
    """Its objects are deleted once a person approves."""
    RETAINED = "retained"
    """It is no longer followed; its objects stay on the cluster."""
    ADDED = "added"
    """It is applied for the first time, or again after it had left."""
    CHANGED = "changed"
    """What it is rendered from changes, so that it gets a run."""
    HELD = "held"
    """What stands in its way changes."""
    SETTINGS = "settings"
    """How it is synced changes; its objects do not."""


@dataclass(frozen=True, slots=True)
class PlacementEffect:
    """What a change of the registry does to one placement; ``detail`` is for a person."""

    ref: PlacementRef
    effect: Effect
    detail: str


@dataclass(frozen=True, slots=True)
class ClusterEffect:
    """What it does to one cluster: ``added``, ``removed`` (then it counts as frozen) or which fields change."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that changes; what is not listed stays as it is."""

    clusters: tuple[ClusterEffect, ...]
    placements: tuple[PlacementEffect, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    """One placement under one of the two fleets."""

    step: Step | None = None
    placement: Placement | None = None
    asks: str = ""

    @property
    def state(self) -> PlacementState | None:
        return self.step.state if self.step is not None else None

    @property
    def held(self) -> str:
        return hold_sentence(self.step.hold) if self.step is not None else ""


def preview(now: Fleet | None, then: Fleet, facts: Facts) -> Preview:
    """Return what happens if ``then`` comes into force instead of ``now``.

    Args:
        now: the fleet in force; None before there is one.
        then: the fleet to be.
        facts: as SQL has them now.
    """
    before, after = _sides(now, facts) if now is not None else {}, _sides(then, facts)
    found = ((ref, _effect(before.get(ref, _Side()), after[ref])) for ref in sorted(after))
    effects = tuple(PlacementEffect(ref, *effect) for ref, effect in found if effect is not None)
    return Preview(_clusters(now.clusters if now is not None else {}, then.clusters), effects)


def _sides(fleet: Fleet, facts: Facts) -> dict[PlacementRef, _Side]:
    made = plan(fleet, facts)
    placed = {placement.ref: placement for placement in fleet.placements()}
    asks = made.departures.waiting
    return {step.ref: _Side(step, placed.get(step.ref), sentence(asks.get(step.ref, NONE))) for step in made.steps}


def _effect(before: _Side, after: _Side) -> tuple[Effect, str] | None:
    if after.asks:
        return None if before.asks else (Effect.ASKS, after.asks)
    if after.state is not before.state:
        effects = {
            PlacementState.LEAVING: Effect.REMOVED,
            PlacementState.LEFT: Effect.REMOVED,
            PlacementState.RETAINED: Effect.RETAINED,
            PlacementState.PLACED: Effect.ADDED,
        }
        return None if after.state is None else (effects[after.state], after.held)
    if before.placement is not None and after.placement is not None:
        return _of_placed(before, after, before.placement, after.placement)
    return None


def _of_placed(before: _Side, after: _Side, was: Placement, is_: Placement) -> tuple[Effect, str] | None:
    rendered = _rendered(was, is_)
    if rendered:
        held = f"; held: {after.held}" if after.held and after.held == before.held else ""
        return Effect.CHANGED, ", ".join(rendered) + held
    if before.held != after.held:
        return Effect.HELD, after.held or f"no longer held: {before.held}"
    different = _different(_settings(was.application), _settings(is_.application))
    return (Effect.SETTINGS, ", ".join(different)) if different else None


def _source_words(was: Source, is_: Source) -> Iterator[str]:
    of = f" of {is_.name}" if is_.name else ""
    old, new = was.to_resolve, is_.to_resolve
    if old != new:
        yield f"source{of} {new.repo} at {new.text}" if old.repo != new.repo else f"ref{of} {old.text} to {new.text}"
    if was.path != is_.path:
        yield f"path{of} {was.path} to {is_.path}"


def _rendered(was: Placement, is_: Placement) -> list[str]:
    """Return in words what shapes the manifests and differs."""
    found = []
    if [source.name for source in was.sources] != [source.name for source in is_.sources]:
        found.append("its sources")
    else:
        found += [word for pair in zip(was.sources, is_.sources, strict=True) for word in _source_words(*pair)]
    if was.namespace != is_.namespace:
        found.append(f"namespace {was.namespace} to {is_.namespace}")
    found += [f"value {'.'.join(path)}" for path in _different_values(was, is_)]
    # What else there is (the renderer and its options) shows in the digest alone.
    if not found and was.parameters_digest(()) != is_.parameters_digest(()):
        found.append("how it is rendered")
    return found


def _different_values(was: Placement, is_: Placement) -> list[ValuePath]:
    old = {value.path: value.value for value in was.explain()}
    new = {value.path: value.value for value in is_.explain()}
    paths = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
    # An empty mapping is a value of its own until something is put into it: then that is what is new.
    return [path for path in paths if not any(len(p) > len(path) and p[: len(path)] == path for p in paths)]


def _settings(application: Application) -> Application:
    """Return the application without what does not matter here: where it is written, and what ``_rendered`` tells."""
    return replace(application, where=NOWHERE, values=ValueLayer(), targets=())


def _clusters(now: Mapping[str, Cluster], then: Mapping[str, Cluster]) -> tuple[ClusterEffect, ...]:
    effects = []
    for name in sorted(now.keys() | then.keys()):
        was, is_ = now.get(name), then.get(name)
        detail = _cluster_detail(was, is_)
        if detail:
            effects.append(ClusterEffect(name, detail))
    return tuple(effects)


def _cluster_detail(was: Cluster | None, is_: Cluster | None) -> str:
    if was is None or is_ is None:
        return "added" if was is None else "removed"
    if is_.removed and not was.removed:
        return "removed: it counts as frozen, and nothing on it is deleted"
    return ", ".join(_different(replace(was, where=NOWHERE), replace(is_, where=NOWHERE)))


def _different(was: Any, is_: Any) -> list[str]:
    """Return the names of the fields in which two values of one class differ, as the registry spells them."""
    names = [field.name for field in fields(was) if getattr(was, field.name) != getattr(is_, field.name)]
    return [_camel(name) for name in names]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_if_applied(fleet: Fleet, *others: Fleet, now: datetime) -> Facts:
    """Return facts under which all that ``fleet`` places runs, and every source of it and of ``others`` is resolved.

    So two registries can be compared without a hub.

    Args:
        fleet: that runs.
        others: to be compared with it.
        now: when.
    """
    placed = [placement for each in (fleet, *others) for placement in each.placements()]
    standing = Current(PlacementState.PLACED, None, None, None, hold=NONE, owns=True, project="")
    return Facts(
        now=now,
        current={
            one.ref: replace(standing, project=one.application.project, tenant=one.application.project)
            for one in fleet.placements()
        },
        resolved={
            (source, placement.ref.application): Resolved(0, digest="-", commit="-", renderers=())
            for placement in placed
            for source in placement.to_resolve
        },
    )
