"""Objects of common operators, assessed by the table in ``operators.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import yaml

from common.domain.codes import HealthReason
from common.domain.foreign import foreign
from common.domain.health import Health, HealthReport
from common.domain.status import Reason
from workers.sync.health.reading import (
    Condition,
    Manifest,
    conditions,
    degraded,
    healthy,
    items,
    number,
    progressing,
    section,
    suspended,
)

TERMINAL = ("Failed", "Error", "Invalid", "Denied", "Misconfigured", "Unsupported")
"""Endings of reasons that no waiting cures."""
_NO_STATUS = Reason(HealthReason.NO_STATUS)


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """One line of the table; see there for what each field means."""

    group: str
    kinds: tuple[str, ...]
    ready: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    phase: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    healthy: frozenset[str] = frozenset()
    degraded: frozenset[str] = frozenset()
    suspended_words: frozenset[str] = frozenset()
    false_is_degraded: bool = False
    absent_is_healthy: bool = False

    def assess(self, manifest: Manifest) -> HealthReport:
        """Return the health of a live object of one of the kinds."""
        if self.suspended and _at(manifest, self.suspended) is True:
            return suspended(Reason(HealthReason.SUSPENDED))
        found = conditions(manifest)
        if (told := self._by_signals(found)) is not None:
            return told
        if self.phase:
            by_phase = self._by_phase(manifest)
            if by_phase.health is Health.DEGRADED or not self.ready:
                return by_phase
        if self.parents:
            return self._by_parents(manifest)
        return self._by_conditions(found, self.ready, number(section(manifest, "metadata"), "generation"))

    def _by_signals(self, found: Mapping[str, Condition]) -> HealthReport | None:
        """Return what conditions say that are true only of objects in a certain state; None where there is none."""
        said = {name: condition for name, condition in found.items() if condition.status == "True"}
        for name in self.paused:
            if name in said:
                return suspended(said[name].why)
        for name in self.failed:
            if name in said:
                say = progressing if said[name].reason in self.starting else degraded
                return say(said[name].why)
        for name in self.busy:
            if name in said:
                return progressing(said[name].why)
        return None

    def _by_phase(self, manifest: Manifest) -> HealthReport:
        word = _at(manifest, self.phase)
        if not isinstance(word, str) or not word:
            return progressing(_NO_STATUS)
        if word in self.healthy:
            return healthy()
        message = _at(manifest, self.message) if self.message else ""
        why = foreign(HealthReason.PHASE, phase=word, message=message if isinstance(message, str) else "")
        if word in self.suspended_words:
            return suspended(why)
        return degraded(why) if word in self.degraded else progressing(why)

    def _by_parents(self, manifest: Manifest) -> HealthReport:
        parents = items(section(manifest, "status"), "parents")
        if not parents:
            return progressing(Reason(HealthReason.NO_PARENT))
        generation = number(section(manifest, "metadata"), "generation")
        seen = [self._by_conditions(conditions({"status": one}), self.parents, generation) for one in parents]
        return max(seen, key=lambda report: report.health.rank)

    def _by_conditions(self, found: Mapping[str, Condition], wanted: tuple[str, ...], generation: int) -> HealthReport:
        there = [found[name] for name in wanted if name in found]
        if len(there) < len(wanted) and not self.absent_is_healthy:
            return progressing(there[0].why if there and there[0].status != "True" else _NO_STATUS)
        for condition in there:
            if condition.seen is not None and condition.seen < generation:
                return progressing(Reason(HealthReason.UNSEEN))
            if condition.status != "True":
                return self._not_ready(condition)
        return healthy()

    def _not_ready(self, condition: Condition) -> HealthReport:
        terminal = self.false_is_degraded or condition.reason.endswith(TERMINAL)
        return degraded(condition.why) if condition.status == "False" and terminal else progressing(condition.why)


def _at(manifest: Manifest, path: tuple[str, ...]) -> Any:
    found: Any = manifest
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _table() -> Iterator[OperatorRule]:
    text = files(__package__).joinpath("operators.yaml").read_text(encoding="utf-8")
    words = {"healthy", "degraded", "suspended_words"}
    paths = {"phase", "message", "suspended"}
    for entry in yaml.safe_load(text):
        rule = OperatorRule(entry.pop("group"), tuple(entry.pop("kinds")))
        given: dict[str, Any] = {
            "false_is_degraded": entry.pop("not_ready", "") == "degraded",
            "absent_is_healthy": entry.pop("absent", "") == "healthy",
        }
        for name, value in entry.items():
            given[name] = frozenset(value) if name in words else tuple(value.split(".") if name in paths else value)
        yield replace(rule, **given)


OPERATORS: Mapping[tuple[str, str], OperatorRule] = {
    (rule.group, kind): rule for rule in _table() for kind in rule.kinds
}


def rule_for(group: str, kind: str) -> OperatorRule | None:
    """Return the rule of a kind: its own, else that of the family of groups that it belongs to; None without one."""
    if (group, kind) in OPERATORS:
        return OPERATORS[group, kind]
    while "." in group:
        group = group.partition(".")[2]
        if (family := f"*.{group}", "*") in OPERATORS:
            return OPERATORS[family, "*"]
    return None
