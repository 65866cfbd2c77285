"""Roles by groups: exactly what the registry in force gives, and nothing else."""

from __future__ import annotations

import pytest

from common.domain.fleet import Fleet, FleetRole, Project, Role
from common.domain.membership import grants_of
from common.domain.rights import BUILT_IN, EVERYWHERE, NOTHING, BuiltInRole, Verb, granted

FLEET = Fleet(
    "acme",
    projects={
        "pay": Project("pay", roles=(Role("developer", ("team-pay", "both"), (Verb.SYNC,)),)),
        "shop": Project("shop", roles=(Role("approver", ("both",), (Verb.APPROVE,)),)),
    },
    roles=(FleetRole(BuiltInRole.OPERATOR, ("on-call",)), FleetRole(BuiltInRole.READER, ("everybody",))),
)


def test_a_group_gives_its_verbs_in_its_projects_alone() -> None:
    assert grants_of(["team-pay"], None, FLEET) == granted({Verb.SYNC}, "pay")
    assert grants_of(["both"], None, FLEET) == granted({Verb.SYNC}, "pay").and_also([granted({Verb.APPROVE}, "shop")])


def test_a_role_of_the_fleet_holds_in_projects_to_come() -> None:
    mine = grants_of(["on-call"], None, FLEET)
    assert mine == BUILT_IN[BuiltInRole.OPERATOR]
    assert mine.may(Verb.SYNC, "of-tomorrow")
    assert not mine.may(Verb.ADMIN, EVERYWHERE)


def test_a_local_users_own_role_adds_to_those_of_groups() -> None:
    mine = grants_of(["team-pay"], BuiltInRole.READER, FLEET)
    assert mine.may(Verb.READ, "shop")
    assert mine.may(Verb.SYNC, "pay")
    assert not mine.may(Verb.SYNC, "shop")


@pytest.mark.parametrize("groups", [[], [""], ["TEAM-PAY"], ["team-pay "], ["team"], ["*"], ["pay"], ["developer"]])
def test_no_other_spelling_is_a_group(groups: list[str]) -> None:
    assert grants_of(groups, None, FLEET) == NOTHING


def test_before_a_first_commit_groups_give_nothing_and_a_users_role_holds() -> None:
    assert grants_of(["on-call"], None, None) == NOTHING
    assert grants_of([], BuiltInRole.ADMIN, None) == BUILT_IN[BuiltInRole.ADMIN]
