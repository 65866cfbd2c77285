"""In what the manifests of two placements differ, rendered on the hub's machine with its settings."""

from __future__ import annotations

from common.domain.changes import Change
from common.domain.refs import PlacementRef
from common.settings import Settings
from console.inspect.hub import render_placement
from console.planning.changes import compared


def manifests_compared(settings: Settings, first: PlacementRef, second: PlacementRef) -> tuple[Change, ...]:
    """Return what differs from the first to the second, object by object; values of Secrets are not compared.

    An object that the second alone has is ``created``, one that the first alone has ``pruned``.

    Raises:
        HubUnreachableError, NothingToShowError, FlotillaError: as ``render_placement``.
    """
    before, after = (render_placement(settings, ref).objects for ref in (first, second))
    return compared((one.manifest for one in before), (one.manifest for one in after))
