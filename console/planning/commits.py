"""Two registries compared, down to the objects: no hub and no cluster is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.domain.errors import FlotillaError
from common.domain.fleet import Fleet, Placement
from common.domain.refs import PlacementRef
from common.settings import Settings
from console.planning.changes import PlannedPlacement, compared
from console.planning.rendering import Rendering, rendering
from scheduler.planning.preview import Effect, PlacementEffect, Preview, as_if_applied, preview
from workers.public.rendering import Rendered

WITH_OBJECTS = frozenset({Effect.ADDED, Effect.CHANGED, Effect.REMOVED, Effect.ASKS})
"""What becomes of a placement that may change objects."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a change of the registry does.

    Attributes:
        preview: to clusters and placements.
        placements: those of which objects may change, down to these.
    """

    preview: Preview
    placements: tuple[PlannedPlacement, ...]


def plan_commits(now: Fleet, then: Fleet, settings: Settings, *, at: datetime) -> Planned:
    """Return what it would do to a fleet that runs all of ``now`` if ``then`` came into force.

    Sources are what their refs are at this moment, for both sides. What cannot be rendered is told with its reason.

    Args:
        now: in force.
        then: to come into force.
        settings: of this process.
        at: when.
    """
    found = preview(now, then, as_if_applied(now, then, now=at))
    before, after = _by_ref(now), _by_ref(then)
    asked = [one for one in found.placements if one.effect in WITH_OBJECTS]
    with rendering(settings, {**now.projects, **then.projects}) as sides:
        planned = tuple(_planned(one, before.get(one.ref), after.get(one.ref), sides) for one in asked)
    return Planned(found, planned)


def _by_ref(fleet: Fleet) -> dict[PlacementRef, Placement]:
    return {placement.ref: placement for placement in fleet.placements()}


def _planned(
    effect: PlacementEffect, before: Placement | None, after: Placement | None, sides: Rendering
) -> PlannedPlacement:
    removed = effect.effect in {Effect.REMOVED, Effect.ASKS}
    try:
        was = _rendered(before if effect.effect is not Effect.ADDED else None, sides)
        is_ = _rendered(None if removed else after, sides)
    except FlotillaError as error:
        return PlannedPlacement(effect.ref, effect.effect, error=str(error))
    secrets = was.secrets | is_.secrets
    return PlannedPlacement(effect.ref, effect.effect, compared(was.manifests, is_.manifests, secrets=secrets))


def _rendered(placement: Placement | None, sides: Rendering) -> Rendered:
    return Rendered((), "", ()) if placement is None else sides.shown(placement)
