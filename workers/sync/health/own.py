"""Rules of the registry: an application's own, and those of the fleet; in CEL, or in Lua as Argo CD has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.cel import ExpressionError
from common.domain.fleet import HealthRule, glob_matches
from common.domain.foreign import foreign
from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.status import NONE, Reason
from common.lua import LuaError
from common.rules import HERE, Evaluator
from workers.sync.health.kinds import Kind
from workers.sync.health.reading import Manifest, degraded, healthy, progressing

_STATUSES: Mapping[str, Health] = {
    "Healthy": Health.HEALTHY,
    "Suspended": Health.SUSPENDED,
    "Progressing": Health.PROGRESSING,
    "Missing": Health.MISSING,
    "Degraded": Health.DEGRADED,
    "Unknown": Health.UNKNOWN,
}
"""What Argo CD's words mean here."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Rules by kind; those of an application go before those of the fleet, and named kinds before patterns.

    Attributes:
        named: for each tier, by group and kind.
        patterns: for each tier, those with a star: the one with the most other signs first.
    """

    named: tuple[Mapping[Kind, HealthRule], ...] = ()
    patterns: tuple[tuple[HealthRule, ...], ...] = ()

    def rule_of(self, kind: Kind) -> HealthRule | None:
        """Return the rule that counts for a kind; None where there is none."""
        for named, patterns in zip(self.named, self.patterns, strict=True):
            if kind in named:
                return named[kind]
            for rule in patterns:
                if glob_matches(rule.group, kind[0]) and glob_matches(rule.kind, kind[1]):
                    return rule
        return None

    def __contains__(self, kind: object) -> bool:
        """Tell whether there is a rule for a kind."""
        return isinstance(kind, tuple) and self.rule_of(kind) is not None


@dataclass(frozen=True, slots=True)
class Own:
    """Rules of the registry for a placement's objects, and what evaluates them."""

    kinds: Kinds = Kinds()
    evaluator: Evaluator = HERE

    def __contains__(self, kind: object) -> bool:
        """Tell whether there is a rule for a kind."""
        return kind in self.kinds

    def rule_of(self, kind: Kind) -> HealthRule | None:
        """Return the rule that counts for a kind; None where there is none."""
        return self.kinds.rule_of(kind)

    def assess(self, rule: HealthRule, manifest: Manifest) -> HealthReport:
        """Return what a rule says of an object."""
        try:
            return _by_script(rule, manifest, self.evaluator) if rule.lua else _by_cel(rule, manifest, self.evaluator)
        except (ExpressionError, LuaError) as error:
            words = "" if rule.lua and _is_secret(manifest) else str(error)
            return HealthReport(Health.UNKNOWN, foreign(HealthReason.RULE_BROKEN, message=words or "it raises"))


NO_RULES = Own()


def own_rules(rules: Iterable[HealthRule], evaluator: Evaluator) -> Own:
    """Return rules of the registry; of two of a tier for one kind, the first counts.

    Args:
        rules: as the registry has them.
        evaluator: evaluates them.
    """
    return Own(own_kinds(rules), evaluator)


def own_kinds(rules: Iterable[HealthRule]) -> Kinds:
    """Return rules of the registry by kind, to ask which kinds have one."""
    tiers: tuple[list[HealthRule], list[HealthRule]] = ([], [])
    for rule in rules:
        tiers[bool(rule.of)].append(rule)
    return Kinds(tuple(map(_named, tiers)), tuple(map(_patterns, tiers)))


def _named(rules: Iterable[HealthRule]) -> Mapping[Kind, HealthRule]:
    found: dict[Kind, HealthRule] = {}
    for rule in rules:
        if not _is_pattern(rule):
            found.setdefault((rule.group, rule.kind), rule)
    return found


def _patterns(rules: Iterable[HealthRule]) -> tuple[HealthRule, ...]:
    return tuple(sorted(filter(_is_pattern, rules), key=lambda rule: -len((rule.group + rule.kind).replace("*", ""))))


def _is_pattern(rule: HealthRule) -> bool:
    return "*" in rule.group or "*" in rule.kind


def _by_cel(rule: HealthRule, manifest: Manifest, evaluator: Evaluator) -> HealthReport:
    failed, well = rule.failed, rule.healthy
    texts = [text for text in (failed, well) if text]
    found = evaluator.first(texts, manifest)
    if found is not None and texts[found] is failed:
        return degraded(Reason(HealthReason.RULE_FAILED, {"rule": failed}))
    if found is not None:
        return healthy()
    return progressing(Reason(HealthReason.RULE_WAITS, {"rule": well}) if well else Reason(HealthReason.RULE_OPEN))


def _by_script(rule: HealthRule, manifest: Manifest, evaluator: Evaluator) -> HealthReport:
    found = evaluator.lua(rule.lua, manifest)
    if not found.status:
        return healthy(Reason(HealthReason.RULE_SILENT))
    health = _STATUSES.get(found.status)
    if health is None:
        status = "" if _is_secret(manifest) else found.status
        return HealthReport(Health.UNKNOWN, foreign(HealthReason.RULE_ODD, status=status))
    if health is Health.HEALTHY:
        return healthy(NONE)
    message = "" if _is_secret(manifest) else found.message
    return HealthReport(health, foreign(HealthReason.RULE_SAYS, status=found.status, message=message))


def _is_secret(manifest: Manifest) -> bool:
    """Tell whether what a script says of an object may be what nobody should read."""
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"
