"""What the cluster says happened to the objects of a placement, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from common.domain.inspections import Question
from common.domain.refs import ObjectId
from workers.inspect.masking import all_secrets
from workers.inspect.place import Notes, Place, found
from workers.inspect.tree import Happened
from workers.inspect.tree_answer import happened
from workers.sync.concurrent import each

MOST_OBJECTS = 40
"""Whose events are read, with a LIST for each."""
MOST = 200
"""Events of one answer."""


def events(place: Place, question: Question) -> Mapping[str, Any]:
    """Return the events about an object of the placement and what hangs on it, or about all.

    Raises:
        NotOfItError: the object is not there.
        FlotillaError: the values of the placement's Secrets cannot be read.
    """
    notes, secrets = Notes(), all_secrets(place)
    belonging = found(place, notes)
    about = belonging.below(question.object)
    if len(about) > MOST_OBJECTS:
        notes.add(f"events of the first {MOST_OBJECTS} of {len(about)} objects; name one to see its own")
    seen: list[tuple[ObjectId, Happened]] = []
    uids = belonging.uids

    def look(one: ObjectId) -> None:
        namespace = one.namespace or "default"
        told = notes.tried(f"events in {namespace}", partial(place.children.events, namespace, uids[one]))
        seen.extend((one, happened(event, secrets)) for event in told or ())

    each(place.executor, look, about[:MOST_OBJECTS])
    newest = sorted(seen, key=lambda one: (one[1].at, one[0]), reverse=True)
    return {"events": [{"object": str(one), **asdict(event)} for one, event in newest[:MOST]], "notes": notes.said}
