"""Drift is corrected at once, a fight with patience; each status says when it was confirmed."""

from __future__ import annotations

import httpx
import pytest

from tests.harness.hands import config_map_in, data_in, edit
from tests.harness.hub import APPS, StepHub

PATH = "/api/v1/namespaces/web/configmaps/web"


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """An application that is synced."""
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1")})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    return hub


def test_what_drifted_is_corrected_at_once_and_the_run_says_who_did_it(web: StepHub, people: httpx.Client) -> None:
    edit(people, PATH, {"data": {"v": "theirs"}})
    web.make_due()
    web.settle()
    assert data_in(people, "web", "web") == {"v": "1"}
    run = web.runs("eu/web")[0]
    assert run.trigger == "drift"
    assert "kubectl-edit" in run.cause


def test_who_changes_it_back_is_fought_with_patience_and_named(web: StepHub, people: httpx.Client) -> None:
    for value in ("a", "b"):
        edit(people, PATH, {"data": {"v": value}}, "rival")
        web.make_due()
        web.settle()
    assert data_in(people, "web", "web") == {"v": "b"}
    reason = web.placement("eu/web").reason
    assert "a fight" in reason
    assert "rival" in reason


def test_what_was_deleted_comes_back(web: StepHub, people: httpx.Client) -> None:
    people.delete(PATH).raise_for_status()
    web.make_due()
    web.settle()
    assert data_in(people, "web", "web") == {"v": "1"}


def test_warn_tells_and_writes_nothing(hub: StepHub, people: httpx.Client) -> None:
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1")})
    hub.application("web", more="  sync: {mode: warn}\n")
    hub.settle()
    assert data_in(people, "web", "web") is None
    assert hub.placement("eu/web").sync == "out-of-sync"


def test_a_field_that_is_ignored_is_neither_told_nor_written(web: StepHub, people: httpx.Client) -> None:
    web.application("web", more="  sync: {ignore: [{kind: ConfigMap, paths: [/data/v]}]}\n")
    web.settle()
    edit(people, PATH, {"data": {"v": "theirs"}}, "operator")
    web.make_due()
    web.settle()
    assert data_in(people, "web", "web") == {"v": "theirs"}
    assert web.placement("eu/web").sync == "synced"


def test_every_status_says_when_it_was_last_confirmed(web: StepHub) -> None:
    first = web.placement("eu/web").confirmed_at
    assert first is not None
    web.make_due()
    web.settle()
    later = web.placement("eu/web").confirmed_at
    assert later is not None
    assert later > first
