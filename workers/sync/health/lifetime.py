"""What runs to an end, and what its cluster deletes by itself some time after that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.domain.inventory import End
from common.domain.refs import ObjectId
from workers.sync.health.reading import items, section, text

JOB = ("batch", "Job")
POD = ("", "Pod")
TTL = "ttlSecondsAfterFinished"
"""Of a Job's spec, and the one time to live among the kinds that end. It may be changed at any time."""
_PHASES = {"Succeeded": End.SUCCEEDED, "Failed": End.FAILED}
_CONDITIONS = {"Complete": End.SUCCEEDED, "Failed": End.FAILED}


def expires(object_id: ObjectId, body: Mapping[str, Any]) -> bool:
    """Return whether the cluster deletes an object by itself some time after its end."""
    spec = body.get("spec")
    return (object_id.group, object_id.kind) == JOB and isinstance(spec, Mapping) and spec.get(TTL) is not None


def held_back(object_id: ObjectId, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a manifest whose object stays after its end until somebody read how it came out; itself if it would."""
    if not expires(object_id, manifest):
        return manifest
    return {**manifest, "spec": {key: value for key, value in manifest["spec"].items() if key != TTL}}


def end_of(object_id: ObjectId, body: Mapping[str, Any]) -> End:
    """Return how a Pod or a Job came out; NONE where it has not ended, and of every other kind."""
    status = section(body, "status")
    match (object_id.group, object_id.kind):
        case kind if kind == POD:
            return _PHASES.get(text(status, "phase"), End.NONE)
        case kind if kind == JOB:
            true = (text(one, "type") for one in items(status, "conditions") if one.get("status") == "True")
            return next((_CONDITIONS[one] for one in true if one in _CONDITIONS), End.NONE)
    return End.NONE


def absence_is_no_drift(object_id: ObjectId, body: Mapping[str, Any]) -> End:
    """Return how an object came out that need not be there any more; NONE where it must.

    A Pod that ended may be collected at any time. A Job stays unless it says how long: whoever deletes one that stays
    wants it run again.
    """
    kept = (object_id.group, object_id.kind) == JOB and not expires(object_id, body)
    return End.NONE if kept else end_of(object_id, body)
