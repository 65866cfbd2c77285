"""The rule of kinds that have none: the conditions that most controllers use, and the words of a status as a guess.

The tables are data, and the reference shows them. Sources: the condition types of Kubernetes' API conventions, of
kstatus (``pkg/kstatus/README.md``), of Crossplane, Knative, Flux and the Gateway API; which reasons and words mean what
was counted on the objects that Argo CD tests its own rules with.
"""

from __future__ import annotations

from collections.abc import Mapping

from common.domain.foreign import foreign
from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
from workers.sync.health.reading import (
    Condition,
    Manifest,
    by_type,
    conditions,
    degraded,
    healthy,
    items,
    number,
    progressing,
    section,
    text,
)

POSITIVE = (
    "Ready", "Available", "Synced", "Healthy", "Succeeded", "Accepted", "Programmed", "ResolvedRefs", "Established",
    "Reconciled",
)  # fmt: skip
"""Conditions that are True of what is as it should be."""
NEGATIVE = ("Degraded", "Failed", "Error", "Invalid", "Stalled")
"""Conditions that are True of what is out of order."""
UNFINISHED = ("Terminating", "NotReady")
"""Conditions that are True of what is on its way."""
BEGINNINGS = ("Failed", "Invalid", "Err", "Unsupported", "Denied", "Forbidden", "Unauthorized")
ENDINGS = (
    "Failed", "Failure", "Error", "Errored", "Invalid", "NotValid", "Denied", "Rejected", "Misconfigured",
    "Unsupported", "Forbidden", "Unauthorized",
)  # fmt: skip
"""How reasons of a positive condition begin and end that no waiting cures."""
_NAMES = (*NEGATIVE, *UNFINISHED, *POSITIVE)
ATTACHED = ("parents", "ancestors")
"""Of a status: lists of what an object hangs on, each entry of which has conditions, as the Gateway API has it."""
FIELDS = ("phase", "state", "health", "status")
"""Of a status: where its word may be; of several, the worst counts."""
WORDS: Mapping[Health, frozenset[str]] = {
    Health.HEALTHY: frozenset(
        {
            "active", "available", "bound", "complete", "completed", "deployed", "done", "established", "green",
            "healthy", "initialized", "ok", "online", "provisioned", "ready", "running", "succeeded", "success",
            "successful", "synced", "up", "valid",
        }
    ),
    Health.SUSPENDED: frozenset({"paused", "suspended"}),
    Health.PROGRESSING: frozenset(
        {
            "applying", "bootstrapping", "building", "configuring", "creating", "deleting", "deploying", "initializing",
            "inprogress", "installing", "migrating", "pending", "processing", "progressing", "provisioning", "queued",
            "reconciling", "restarting", "restoring", "scaling", "scheduling", "starting", "stopping", "syncing",
            "terminating", "updating", "upgrading", "waiting", "yellow",
        }
    ),
    Health.DEGRADED: frozenset(
        {
            "broken", "configerror", "crashed", "degraded", "error", "errored", "failed", "failure", "invalid", "lost",
            "red", "unhealthy",
        }
    ),
}  # fmt: skip
"""What a word means, whatever its case and signs."""
_MEANING = {word: health for health, words in WORDS.items() for word in words}
_LONGEST = 32
"""Characters of a word: a sentence is none."""


def assess_by_convention(manifest: Manifest, *, silent: HealthReport) -> HealthReport:
    """Return the health of a live object whose kind has no rule.

    Args:
        manifest: the whole object, as read.
        silent: what to say of one that says nothing.
    """
    found = _by_conditions(manifest) or _by_word(section(manifest, "status"))
    return found or (_unread(manifest) if silent.reason.code == HealthReason.NO_RULE else None) or silent


def _unread(manifest: Manifest) -> HealthReport | None:
    """Return a note of what an object says that has no meaning here; None where it says nothing."""
    false = next((one for one in conditions(manifest).values() if one.status == "False"), None)
    if false is not None:
        return healthy(foreign(HealthReason.NO_RULE, condition=false.type, reason=false.reason))
    status = section(manifest, "status")
    said = next(((field, word) for field in FIELDS if (word := text(status, field))), None)
    return healthy(foreign(HealthReason.NO_RULE, field=said[0], word=said[1])) if said else None


def _by_conditions(manifest: Manifest) -> HealthReport | None:
    """Return what the standard conditions say; None where there is none of them."""
    status, generation = section(manifest, "status"), number(section(manifest, "metadata"), "generation")
    own = _standard(conditions(manifest))
    attached = [one for field in ATTACHED for each in items(status, field) for one in _standard(_of(each))]
    # an entry of an older generation is of a parent that it left: most controllers do not take it away
    attached = [one for one in attached if not one.is_older(generation)] or attached[:1]
    present = [one for one in own + attached if not one.is_older(generation)]
    for condition in present:
        if _is_failure(condition):
            return degraded(condition.why)
    if len(present) < len(own) + len(attached):
        return progressing(Reason(HealthReason.UNSEEN))
    for condition in present:
        if not _is_in_order(condition):
            return progressing(condition.why)
    return healthy() if present else None


def _of(entry: Manifest) -> Mapping[str, Condition]:
    return by_type(items(entry, "conditions"))


def _standard(found: Mapping[str, Condition]) -> list[Condition]:
    return [found[name] for name in _NAMES if name in found]


def _is_failure(condition: Condition) -> bool:
    if condition.type in NEGATIVE:
        return condition.status == "True"
    if condition.type not in POSITIVE or condition.status != "False":
        return False
    return condition.reason.startswith(BEGINNINGS) or condition.reason.endswith(ENDINGS)


def _is_in_order(condition: Condition) -> bool:
    return (condition.status == "True") is (condition.type in POSITIVE)


def _by_word(status: Manifest) -> HealthReport | None:
    """Return the worst that its words say; None where none of them has a meaning."""
    said = [(field, word) for field in FIELDS if 0 < len(word := text(status, field)) <= _LONGEST]
    known = [(health, field, word) for field, word in said if (health := _meaning(word)) is not None]
    if not known:
        return None
    health, field, word = max(known, key=lambda one: one[0].rank)
    return HealthReport(health, foreign(HealthReason.GUESSED, field=field, word=word, message=text(status, "message")))


def _meaning(word: str) -> Health | None:
    return _MEANING.get("".join(sign for sign in word.lower() if sign.isalnum()))
