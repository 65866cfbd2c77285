"""Who may do what: verbs in projects, held as one frozen set, and asked once per request.

There is no denial and there are no patterns: what is not granted is not allowed. The matrix of routes, verbs and
projects can thus be written down, and tested, as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

EVERYWHERE = "*"
"""In place of a project: all of them, those to come too, and what belongs to none. No project can be called so."""


class Verb(StrEnum):
    """What may be done. A route asks for one of these, and grants give them."""

    READ = "read"
    LOGS = "logs"
    SYNC = "sync"
    PAUSE = "pause"
    APPROVE = "approve"
    PIN = "pin"
    ROLLBACK = "rollback"
    OPERATE = "operate"
    """What acts on a running object: restart, suspend, promote."""
    ADMIN = "admin"
    """Users, tokens and sessions of others, and the whole audit."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which projects something is limited to; whoever reads by it says so, as a required argument.

    Attributes:
        projects: these alone; None is everything, with what belongs to no project.
    """

    projects: frozenset[str] | None

    def covers(self, project: str) -> bool:
        """Return whether a project is within; the empty name is what belongs to none."""
        return self.projects is None or project in self.projects


ALL = Scope(None)
"""For what the hub itself does: everything."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What one caller may do now.

    Attributes:
        held: pairs of a verb and a project, or ``EVERYWHERE``.
    """

    held: frozenset[tuple[Verb, str]] = frozenset()

    def may(self, verb: Verb, project: str) -> bool:
        """Return whether the verb is held in a project; ``EVERYWHERE`` asks for what concerns the whole fleet."""
        return (verb, EVERYWHERE) in self.held or (verb, project) in self.held

    def scope(self, verb: Verb) -> Scope:
        """Return where the verb is held."""
        if (verb, EVERYWHERE) in self.held:
            return ALL
        return Scope(frozenset(project for held, project in self.held if held is verb))

    def within(self, other: Grants) -> Grants:
        """Return what both hold: a token never gives more than its maker has now."""
        mine = {pair for pair in self.held if other.may(*pair)}
        return Grants(frozenset(mine | {pair for pair in other.held if self.may(*pair)}))

    def and_also(self, others: Iterable[Grants]) -> Grants:
        """Return these with those of ``others``."""
        return Grants(self.held.union(*(one.held for one in others)))


def granted(verbs: Iterable[Verb], project: str) -> Grants:
    """Return the verbs in a project; whoever may do anything there may read it."""
    wanted = frozenset(verbs)
    return Grants(frozenset((verb, project) for verb in (wanted | {Verb.READ} if wanted else wanted)))


class BuiltInRole(StrEnum):
    """Roles of the whole fleet; those of a project are the registry's."""

    READER = "reader"
    OPERATOR = "operator"
    ADMIN = "admin"


BUILT_IN: Mapping[BuiltInRole, Grants] = MappingProxyType(
    {
        BuiltInRole.READER: granted({Verb.READ}, EVERYWHERE),
        BuiltInRole.OPERATOR: granted(set(Verb) - {Verb.APPROVE, Verb.ADMIN}, EVERYWHERE),
        BuiltInRole.ADMIN: granted(set(Verb), EVERYWHERE),
    }
)
"""What each gives."""
NOTHING = Grants()
