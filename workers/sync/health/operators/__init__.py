"""Objects of operators, assessed by rules that are data: the YAML files of this folder, one for each field of work.

An entry gives ``group``, ``kinds`` and what ``OperatorRule`` has attributes for, in the words of ``signals``; with
``not_ready: degraded``, ``absent: healthy`` and ``otherwise: degraded`` for the attributes that are true or false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import yaml

from workers.sync.health.operators.rules import OperatorRule
from workers.sync.health.operators.signals import read_path, read_signal

__all__ = ["OPERATORS", "OperatorRule", "rule_for"]

_FLAGS = {
    ("not_ready", "degraded"): "false_is_degraded",
    ("absent", "healthy"): "absent_is_healthy",
    ("otherwise", "degraded"): "otherwise_degraded",
}
_PATHS = {"seen", "phase", "message", "each"}
_SIGNALS = {"paused", "failed", "busy", "impaired", "held", "well"}
_WORDS = {"healthy", "degraded", "suspended", "unknown", "progressing"}


def _rule(entry: Mapping[str, Any]) -> OperatorRule:
    given: dict[str, Any] = {"group": entry["group"], "kinds": tuple(entry["kinds"])}
    for name, value in entry.items():
        if name in _PATHS:
            given[name] = read_path(value)
        elif name in _SIGNALS:
            given[name] = tuple(read_signal(text) for text in value)
        elif name in _WORDS:
            given[name] = frozenset(value)
        elif name == "ready":
            given[name] = tuple(value)
        elif name not in given:
            given[_FLAGS[name, value]] = True
    return OperatorRule(**given)


def _tables() -> Iterator[OperatorRule]:
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            # The loader in C: these are read whenever a process starts, and the other takes five times as long.
            entries = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            yield from map(_rule, entries)


def _by_kind() -> dict[tuple[str, str], OperatorRule]:
    found: dict[tuple[str, str], OperatorRule] = {}
    for rule in _tables():
        for kind in rule.kinds:
            if found.setdefault((rule.group, kind), rule) is not rule:
                message = f"two rules of health for {rule.group}/{kind}"
                raise ValueError(message)
    return found


OPERATORS: Mapping[tuple[str, str], OperatorRule] = _by_kind()
_ENDINGS = sorted(key for key in OPERATORS if key[1][:1] == "*" and key[1] != "*")
"""The few groups whose kinds are told apart by how they end."""


def rule_for(group: str, kind: str) -> OperatorRule | None:
    """Return the rule of a kind: its own, else that of the family of groups that it belongs to; None without one."""
    rule = _of_group(group, kind)
    while rule is None and "." in group:
        group = group.partition(".")[2]
        rule = _of_group(f"*.{group}", kind)
    return rule


def _of_group(group: str, kind: str) -> OperatorRule | None:
    if (group, kind) in OPERATORS:
        return OPERATORS[group, kind]
    for of, ending in _ENDINGS:
        if of == group and kind.endswith(ending[1:]):
            return OPERATORS[of, ending]
    return OPERATORS.get((group, "*"))
