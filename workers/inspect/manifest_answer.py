"""One object of a placement as its cluster has it, without what is secret in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.domain.errors import PermanentError
from common.domain.inspections import Question
from common.domain.redact import cut, redacted, redacted_manifest
from common.domain.refs import ObjectId
from common.yaml.dump import dump
from workers.inspect.masking import all_secrets
from workers.inspect.place import Notes, NotOfItError, Place, found, read
from workers.inspect.texts import inert

LONGEST = 256 * 1024
"""Characters that are shown of one object."""
_LEFT_OUT = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
"""Annotations that hold the whole object once more."""


class NoObjectError(PermanentError):
    """An object has to be named."""

    code = "inspection.which"


def manifest(place: Place, question: Question) -> Mapping[str, Any]:
    """Return the object as YAML.

    Raises:
        NoObjectError: none is named.
        NotOfItError: it is not there.
        FlotillaError: it cannot be read, or what is secret in it is not known.
    """
    wanted = question.object
    if wanted is None:
        message = "name the object whose manifest is wanted"
        raise NoObjectError(message)
    notes, secrets = Notes(), all_secrets(place)
    belonging = found(place, notes)
    uid = belonging.uids[belonging.below(wanted)[0]]
    live = read(place, wanted)
    if not live or live["metadata"].get("uid") != uid:
        raise _gone(wanted)
    text = redacted(dump(secrets.masked_in(redacted_manifest(_bare(live)))))
    if len(text) > LONGEST:
        notes.add(f"only the first {LONGEST:,} characters are shown")
    return {"object": str(wanted), "manifest": inert(cut(text, LONGEST)), "notes": notes.said}


def _gone(wanted: ObjectId) -> NotOfItError:
    return NotOfItError(f"{wanted} went away in the meantime", remedy="Look again.")


def _bare(live: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in live["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key not in _LEFT_OUT}
    return {**live, "metadata": metadata}
