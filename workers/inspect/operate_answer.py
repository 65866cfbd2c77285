"""Does to a running object what a person asked for: one write, under the lease by which its placement is written to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.domain.errors import PermanentError
from common.domain.inspections import Question
from common.domain.refs import ObjectId
from workers.inspect.actions import is_of_git, names, offered
from workers.inspect.actions.action import Action
from workers.inspect.place import Notes, NotOfItError, Place, found
from workers.sync.ports import Target


class NotNowError(PermanentError):
    """The object cannot be acted on so: not as it is now, or never."""

    code = "operation.not-offered"


class OfGitError(PermanentError):
    """What is asked for changes a field that Git has: the next sync would take it back."""

    code = "operation.of-git"


def operate(place: Place, question: Question) -> Mapping[str, Any]:
    """Act on an object of the placement, or on what hangs on it; return what was done.

    Raises:
        NotOfItError: the object is not there.
        NotNowError: it does not offer that now.
        OfGitError: Git decides on it.
        LeaseLostError: somebody else may write to the placement by now.
        FlotillaError: it could not be written.
    """
    wanted = question.object
    if wanted is None or place.operations is None:
        message = "name the object that is to be acted on"
        raise NotNowError(message)
    notes = Notes()
    belonging = found(place, notes)
    uid = belonging.uids[belonging.below(wanted)[0]]
    kind = place.cluster.kind(wanted.group, "", wanted.kind)
    target = Target(kind, wanted.namespace, wanted.name)
    live = place.cluster.get(target)
    if live is None or live.meta.uid != uid:
        message = f"{wanted} went away in the meantime"
        raise NotOfItError(message, remedy="Look again.")
    manifest = live.body()
    action = _chosen(wanted, manifest, question.action)
    instant = place.now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    place.operations.merge(target, action.patch(instant), live.meta, subresource=action.subresource)
    return {"object": str(wanted), "action": action.name, "notes": notes.said}


def _chosen(wanted: ObjectId, manifest: Mapping[str, Any], name: str) -> Action:
    action = {one.name: one for one in offered(wanted, manifest)}.get(name)
    if action is None:
        message = f"{wanted.kind} {wanted.name} does not offer {name!r} now"
        offers = ", ".join(names(wanted, manifest))
        raise NotNowError(message, remedy=f"It offers: {offers}." if offers else "It offers nothing as it is now.")
    if is_of_git(action, manifest):
        fields = ", ".join(".".join(path) for path in action.fields)
        message = f"Git has {fields} of {wanted.kind} {wanted.name}: the next sync would take this back"
        raise OfGitError(message, remedy="Change it in Git.")
    return action
