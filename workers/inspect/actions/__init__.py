"""What a person can do to a running object, by its kind: one file for kinds that are alike, one line here for each.

None of it is a field that Git has: such a change would be drift, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from common.domain.refs import ObjectId
from workers.inspect.actions import jobs, rollouts, workloads
from workers.inspect.actions.action import Action, Offers
from workers.inspect.tree import Kind
from workers.sync.health.reading import items, section
from workers.sync.objects.fieldset import below
from workers.sync.objects.live import MANAGER

OFFERS: Mapping[Kind, Offers] = MappingProxyType(
    {
        ("apps", "Deployment"): workloads.offers,
        ("apps", "StatefulSet"): workloads.offers,
        ("apps", "DaemonSet"): workloads.offers,
        ("batch", "CronJob"): jobs.offers,
        ("batch", "Job"): jobs.offers,
        ("argoproj.io", "Rollout"): rollouts.offers,
    }
)


def offered(object_id: ObjectId, manifest: Mapping[str, Any]) -> tuple[Action, ...]:
    """Return what can be done to an object as it is now, what Git decides on included; nothing while it is deleted."""
    offers = OFFERS.get((object_id.group, object_id.kind))
    if offers is None or "deletionTimestamp" in section(manifest, "metadata"):
        return ()
    return tuple(offers(manifest))


def is_of_git(action: Action, manifest: Mapping[str, Any]) -> bool:
    """Return whether an action would change a field that our applies own: the next one would take it back."""
    for entry in items(section(manifest, "metadata"), "managedFields"):
        ours = (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (MANAGER, "Apply", "")
        fields = section(entry, "fieldsV1")
        if ours and any(below(fields, [f"f:{step}" for step in path]) is not None for path in action.fields):
            return True
    return False


def names(object_id: ObjectId, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of what can be done to an object as it is now."""
    return tuple(one.name for one in offered(object_id, manifest) if not is_of_git(one, manifest))
