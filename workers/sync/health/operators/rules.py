"""The rule of an operator's kind: which of what an object says decides its health, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from common.domain.foreign import foreign
from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import Reason
from workers.sync.health.operators.signals import (
    NO_STATUS,
    UNSEEN,
    Path,
    Signal,
    View,
    at,
    old,
    word,
)
from workers.sync.health.reading import (
    Condition,
    Manifest,
    conditions,
    degraded,
    healthy,
    number,
    progressing,
    section,
    suspended,
)

TERMINAL = ("Failed", "Error", "Invalid", "Denied", "Misconfigured", "Unsupported")
"""Endings of reasons that no waiting cures."""


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """One entry of the tables. The attributes are asked in this order; the first that decides is what counts.

    Attributes:
        group: its group; one that begins with ``*.`` stands for all that end so, and is asked after those named.
        kinds: its kinds; ``*`` stands for all that no other entry names, ``*Policy`` for those that end so.
        seen: field that holds the generation seen, absent in an object that its controller has not looked at.
        paused: signals that it was stopped on purpose.
        failed: signals that it is degraded.
        busy: signals that it is on its way.
        impaired: signals that it is degraded, once it is on its way no more.
        held: signals that what it was to do is done, and that more waits for somebody on purpose.
        well: signals that it is healthy, whatever comes further down; with these and nothing further down, an object
            that gives none of them is on its way.
        phase: field that holds a word.
        healthy: words of the phase that say so; where ``ready`` names conditions too, those hold besides.
        degraded: words of the phase that say so.
        suspended: words of the phase that say so.
        unknown: words of the phase with which the operator says that it does not know.
        otherwise_degraded: every other word says so, except those of ``progressing``; else every other is progress.
        progressing: words of the phase that are progress.
        message: field that tells more about fields.
        ready: conditions that are all True once it is healthy. False is progress unless its reason is terminal.
        each: field with a list: each of its entries has these conditions, not the object.
        false_is_degraded: False is degraded whatever its reason.
        absent_is_healthy: a condition that is not there counts as True.
    """

    group: str
    kinds: tuple[str, ...]
    seen: Path = ()
    paused: tuple[Signal, ...] = ()
    failed: tuple[Signal, ...] = ()
    busy: tuple[Signal, ...] = ()
    impaired: tuple[Signal, ...] = ()
    held: tuple[Signal, ...] = ()
    well: tuple[Signal, ...] = ()
    phase: Path = ()
    healthy: frozenset[str] = frozenset()
    degraded: frozenset[str] = frozenset()
    suspended: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    progressing: frozenset[str] = frozenset()
    otherwise_degraded: bool = False
    message: Path = ()
    ready: tuple[str, ...] = ()
    each: Path = ()
    false_is_degraded: bool = False
    absent_is_healthy: bool = False

    def assess(self, manifest: Manifest) -> HealthReport:
        """Return the health of a live object of one of the kinds."""
        generation = number(section(manifest, "metadata"), "generation")
        if self.seen and at(manifest, self.seen) != generation:
            return progressing(UNSEEN)
        message = at(manifest, self.message) if self.message else ""
        view = View(manifest, conditions(manifest), generation, message if isinstance(message, str) else "")
        if (told := self._by_signals(view)) is not None:
            return told
        if self.phase:
            by_phase = self._by_phase(view)
            if by_phase.health is not Health.HEALTHY or not self.ready:
                return by_phase
        if self.each:
            return self._by_entries(view)
        if self.well and not self.ready:
            return progressing(NO_STATUS)
        return self._by_conditions(view)

    def _by_signals(self, view: View) -> HealthReport | None:
        """Return what the object says that is said only in a certain state; None where it says none of it."""
        for signals, report in (
            (self.paused, suspended),
            (self.failed, degraded),
            (self.busy, progressing),
            (self.impaired, degraded),
            (self.held, suspended),
            (self.well, lambda _: healthy()),
        ):
            for signal in signals:
                if (why := signal.heard(view)) is not None:
                    return progressing(why) if why is UNSEEN else report(why)
        return None

    def _by_phase(self, view: View) -> HealthReport:
        said = word(at(view.root, self.phase))
        if not said:
            return progressing(NO_STATUS)
        if said in self.healthy:
            return healthy()
        why = foreign(HealthReason.PHASE, phase=said, message=view.message)
        if said in self.suspended:
            return suspended(why)
        if said in self.unknown:
            return HealthReport(Health.UNKNOWN, why)
        bad = said not in self.progressing if self.otherwise_degraded else said in self.degraded
        return degraded(why) if bad else progressing(why)

    def _by_entries(self, view: View) -> HealthReport:
        views = view.within(self.each)
        if not views:
            return healthy() if self.absent_is_healthy else progressing(Reason(HealthReason.NO_PARENT))
        current = [one for one in views if not any(old(condition, one) for condition in one.said.values())]
        # A controller that was taken away leaves its entry behind, as it was: those that are up to date count alone.
        return max((self._by_conditions(one) for one in current or views), key=lambda report: report.health.rank)

    def _by_conditions(self, view: View) -> HealthReport:
        there = [view.said[name] for name in self.ready if name in view.said]
        if len(there) < len(self.ready) and not self.absent_is_healthy:
            bad = next((condition for condition in there if condition.status != "True"), None)
            return self._not_ready(bad) if bad is not None and not old(bad, view) else progressing(NO_STATUS)
        for condition in there:
            if old(condition, view):
                return progressing(UNSEEN)
        reports = (self._not_ready(condition) for condition in there if condition.status != "True")
        return max(reports, key=lambda report: report.health.rank, default=healthy())

    def _not_ready(self, condition: Condition) -> HealthReport:
        terminal = self.false_is_degraded or condition.reason.endswith(TERMINAL)
        return degraded(condition.why) if condition.status == "False" and terminal else progressing(condition.why)
