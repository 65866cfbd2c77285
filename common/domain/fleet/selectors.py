"""Which labels a selection accepts, by the rules of Kubernetes label selectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a requirement compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One ``matchExpressions`` entry; ``values`` is empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether ``labels`` meet it. As in Kubernetes, NotIn also accepts an absent key."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


class Scope(StrEnum):
    """Whether a selector names labels or says outright that it takes everything."""

    LABELS = "labels"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of label rules; without any rule it matches nothing unless its scope is ALL."""

    match_labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    scope: Scope = Scope.LABELS

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether ``labels`` meet every rule."""
        if self.scope is Scope.ALL:
            return True
        if not (self.match_labels or self.requirements):
            return False
        return all(labels.get(key) == value for key, value in self.match_labels) and all(
            requirement.matches(labels) for requirement in self.requirements
        )


EVERYTHING = Selector(scope=Scope.ALL)
NOTHING = Selector()
