"""What would mend a refusal for the sake of what is live already. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.domain.codes import ObjectReason
from common.domain.errors import PermanentError
from common.domain.reasons import together
from common.domain.status import Reason
from workers.sync.errors import InvalidError, UnboundError, told
from workers.sync.health.reading import section
from workers.sync.objects import marks
from workers.sync.objects.live import Live
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.prune import PROTECTED

WITH_DATA = PROTECTED | {("apps", "StatefulSet")}
"""Kinds that take other objects or data along: they are made again only with ``flotilla.dev/prune: allow`` besides."""
_CLAIM = ("", "PersistentVolumeClaim")
_OF_VALUES = frozenset({"FieldValueInvalid", "FieldValueForbidden"})
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")


def new_object_helps(error: InvalidError, manifest: Mapping[str, Any]) -> bool:
    """Tell whether a refused object could be made where it does not exist.

    So it is where a field cannot change, and where every field at fault is in no manifest: the live object has it.
    """
    of_live = error.causes and all(
        cause.reason in _OF_VALUES and not _holds(manifest, cause.field) for cause in error.causes
    )
    return error.immutable or bool(of_live)


def _holds(tree: Any, field: str) -> bool:
    """Tell whether a manifest has a field, as Kubernetes writes its path; in a list, whichever element is meant."""
    steps = _STEP.findall(field)
    found = [tree]
    for step in steps:
        if step.startswith("["):
            found = [element for one in found if isinstance(one, list) for element in one]
        else:
            found = [one[step] for one in found if isinstance(one, Mapping) and step in one]
    return bool(found) and bool(steps)


def is_unbound_resize(wanted: Wanted, live: Live) -> bool:
    """Tell whether a claim for storage asks for another size before it is bound, which no API server admits."""
    if (wanted.object.group, wanted.object.kind) != _CLAIM:
        return False
    body = live.body()
    bound = section(body, "status").get("phase") == "Bound"
    return not bound and _requests(body) != _requests(wanted.manifest)


def _requests(claim: Mapping[str, Any]) -> Any:
    return section(section(claim, "spec"), "resources").get("requests")


def unbound(wanted: Wanted) -> UnboundError:
    """Return the error for a claim that is resized too early."""
    message = f"{wanted.object} is not bound yet, and its size cannot change before it is"
    return UnboundError(
        message,
        remedy="It is tried again until then; see what holds up its binding, and whether a pod uses it. If no volume "
        f"can ever be bound to it as it is, {_annotate([f'{marks.FORCE}: recreate', f'{marks.PRUNE}: allow'])}: "
        "it holds nothing before it is bound.",
    )


def explained(error: PermanentError, wanted: Wanted) -> Reason:
    """Return what is said of a refused object; where one made again would be admitted, how to have that."""
    said = told(error, wanted.object)
    if not isinstance(error, InvalidError) or not new_object_helps(error, wanted.manifest):
        return said
    missing = [] if wanted.options.recreate else [f"{marks.FORCE}: recreate"]
    with_data = (wanted.object.group, wanted.object.kind) in WITH_DATA
    if with_data and not wanted.options.prune_allowed:
        missing.append(f"{marks.PRUNE}: allow")
    if not missing:
        return said
    how = {"immutable": error.immutable, "data": with_data, "annotations": missing}
    return together(said, Reason(ObjectReason.RECREATABLE, how))


def _annotate(annotations: list[str]) -> str:
    return f"annotate the object with {' and '.join(annotations)} to have it deleted and created again"
