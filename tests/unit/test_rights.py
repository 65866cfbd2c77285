"""Who may do what, as sets: nothing is allowed that was not granted."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.rights import BUILT_IN, EVERYWHERE, NOTHING, BuiltInRole, Grants, Scope, Verb, granted

PROJECTS = ("pay", "shop", "")
grants = st.frozensets(st.tuples(st.sampled_from(Verb), st.sampled_from((*PROJECTS, EVERYWHERE)))).map(Grants)
questions = tuple(product(Verb, (*PROJECTS, EVERYWHERE)))


def test_nothing_is_held_without_a_grant() -> None:
    assert not any(NOTHING.may(verb, project) for verb, project in questions)
    assert NOTHING.scope(Verb.READ) == Scope(frozenset())


def test_a_grant_in_one_project_gives_nothing_in_another_and_nothing_of_the_fleet() -> None:
    mine = granted({Verb.SYNC}, "pay")
    assert mine.may(Verb.SYNC, "pay")
    assert mine.may(Verb.READ, "pay")
    assert not any(mine.may(verb, project) for verb in Verb for project in ("shop", "", EVERYWHERE))
    assert not mine.may(Verb.APPROVE, "pay")


def test_no_verb_gives_no_reading() -> None:
    assert granted((), "pay") == NOTHING


@pytest.mark.parametrize(
    ("role", "may_not"),
    [
        (BuiltInRole.READER, set(Verb) - {Verb.READ}),
        (BuiltInRole.OPERATOR, {Verb.APPROVE, Verb.ADMIN}),
        (BuiltInRole.ADMIN, set()),
    ],
)
def test_a_built_in_role_holds_its_verbs_everywhere(role: BuiltInRole, may_not: set[Verb]) -> None:
    for verb, project in questions:
        assert BUILT_IN[role].may(verb, project) is (verb not in may_not)


@given(grants, grants)
def test_what_is_within_another_is_what_both_may(mine: Grants, other: Grants) -> None:
    both = mine.within(other)
    for verb, project in questions:
        assert both.may(verb, project) is (mine.may(verb, project) and other.may(verb, project))


@given(grants)
def test_a_scope_covers_just_the_projects_in_which_the_verb_is_held(mine: Grants) -> None:
    for verb, project in product(Verb, ("pay", "shop")):
        assert mine.scope(verb).covers(project) is mine.may(verb, project)
