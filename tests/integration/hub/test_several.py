"""An application with several sources, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from common.broker import messages
from common.domain.codes import RunReason
from tests.harness.hub import APPS, CONFIG, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import live
from workers.render.helm import rendering
from workers.render.manifests import Output

DOCUMENT = """
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: web}}
spec:
  sources:
    - {{name: chart, repo: '{apps}', path: web, ref: {{branch: main}}}}
    - {{name: config, repo: '{config}', path: values, ref: {{branch: main}}}}
    - {{name: extras, repo: '{config}', path: extras, ref: {{branch: main}}}}
  render: {{helm: {{valuesFiles: [values-own.yaml, "$config/prod.yaml"]}}}}
  namespace: web
  createNamespace: true
  targets: {targets}
"""
EVERYWHERE = "[{name: all, select: {all: true}}]"
TEMPLATE = """apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {own: "{{ .Values.own }}", lent: "{{ .Values.lent }}"}
"""
CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "web/values-own.yaml": "own: theirs\nlent: not this\n",
    "web/templates/a.yaml": TEMPLATE,
}
VALUES = {"values/prod.yaml": "lent: first\n", "extras/b.yaml": config_map("extra", v="1"), "README.md": "config\n"}


def declare(hub: StepHub, targets: str = EVERYWHERE) -> None:
    document = DOCUMENT.format(apps=APPS, config=CONFIG, targets=targets)
    hub.git.commit(REGISTRY.repo, {"web.yaml": document})


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """A chart with values and manifests from another repository, synced to two clusters."""
    hub.declare("eu", "us")
    hub.git.commit(APPS, CHART)
    hub.git.commit(CONFIG, VALUES)
    declare(hub)
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", (hub.placement("eu/web"), hub.faults())
    return hub


def data(hub: StepHub, name: str = "web", cluster: str = "eu") -> object:
    found = live(hub, cluster, "web", name)
    return None if found is None else found["data"]


def test_a_chart_takes_values_from_another_source_and_manifests_come_beside_it(web: StepHub) -> None:
    assert data(web) == {"own": "theirs", "lent": "first"}
    assert data(web, "extra") == {"v": "1"}


def test_a_run_stores_what_each_source_was_resolved_to(web: StepHub) -> None:
    (run,) = web.runs("eu/web")
    assert [one.revision[0] for one in run.sources] == ["a", "c"]  # two repositories, three sources


def test_a_change_of_any_source_that_is_read_is_a_revision_and_others_are_none(web: StepHub) -> None:
    for number, (repo, change, expected) in enumerate(
        (
            (CONFIG, {"values/prod.yaml": "lent: second\n"}, {"own": "theirs", "lent": "second"}),
            (APPS, {"web/values-own.yaml": "own: ours\n"}, {"own": "ours", "lent": "second"}),
        ),
        start=2,
    ):
        web.git.commit(repo, change)
        web.settle()
        assert data(web) == expected
        assert len(web.runs("eu/web")) == number
    web.git.commit(CONFIG, {"README.md": "other words\n", "values/staging.yaml": "lent: other\n"})
    web.settle()
    assert len(web.runs("eu/web")) == 3


def test_two_clusters_share_one_rendering(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    web.git.commit(CONFIG, {"values/prod.yaml": "lent: second\n"})
    rendered: list[object] = []
    real = rendering.render

    def counting(*args: Any, **more: Any) -> Output:
        rendered.append(args)
        return real(*args, **more)

    monkeypatch.setattr(rendering, "render", counting)
    web.settle()
    assert [data(web, cluster=name) for name in ("eu", "us")] == [{"own": "theirs", "lent": "second"}] * 2
    # each cluster's own values go into a chart, so that each is rendered once, and never again
    assert len(rendered) == 2
    web.make_due(full_check_due_at=None)
    web.settle()
    assert len(rendered) == 2


def test_a_pin_holds_the_first_source_alone(web: StepHub) -> None:
    pinned = web.git.commit(APPS, {"README.md": "pinned here"})
    held = f"[{{name: held, clusters: [eu], pin: {{commit: '{pinned}'}}}}, {{name: all, select: {{all: true}}}}]"
    declare(web, held)
    web.git.commit(APPS, {"web/values-own.yaml": "own: ours\n"})
    web.git.commit(CONFIG, {"values/prod.yaml": "lent: second\n"})
    web.settle(6)
    assert data(web, cluster="us") == {"own": "ours", "lent": "second"}
    # the repositories in memory know no refs: what was pinned is read at its head, but as a source of its own
    assert web.runs("eu/web")[0].sources[1].revision[0] == "c"
    assert web.placement("eu/web").sync == "synced"


def test_what_is_missing_in_one_source_is_said_and_the_last_good_stays(web: StepHub) -> None:
    web.git.commit(CONFIG, {"values/prod.yaml": None})
    web.settle()
    assert data(web) == {"own": "theirs", "lent": "first"}
    (fault,) = [text for text in web.faults() if "values/prod.yaml" in text]
    assert "web" in fault
    web.git.commit(CONFIG, {"values/prod.yaml": "lent: third\n"})
    web.settle()
    assert data(web) == {"own": "theirs", "lent": "third"}


def test_what_two_sources_both_give_is_refused_and_says_where_it_is(web: StepHub) -> None:
    web.git.commit(CONFIG, {"extras/b.yaml": config_map("web", v="2")})
    web.settle()
    run = web.runs("eu/web")[0]
    assert run.outcome == "failed"
    assert "web" in run.error
    assert data(web) == {"own": "theirs", "lent": "first"}


ODD = """
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: odd}}
spec:
  sources:
    - {{name: one, repo: '{apps}', path: 'a, b+c', ref: {{branch: 'release/1.0+build'}}}}
    - {{name: two, repo: '{config}', path: 'd+e, f', ref: {{branch: 'x,y+z'}}}}
  namespace: odd
  createNamespace: true
  targets: [{{name: all, select: {{all: true}}}}]
"""


def test_a_comma_or_a_plus_in_a_path_or_ref_is_no_separator(hub: StepHub) -> None:
    hub.declare("eu")
    heads = [
        hub.git.commit(APPS, {"a, b+c/a.yaml": config_map("first", v="1")}),
        hub.git.commit(CONFIG, {"d+e, f/b.yaml": config_map("second", v="2")}),
    ]
    hub.git.commit(REGISTRY.repo, {"odd.yaml": ODD.format(apps=APPS, config=CONFIG)})
    hub.settle()
    found = [live(hub, "eu", "odd", name) for name in ("first", "second")]
    assert [one and one["data"] for one in found] == [{"v": "1"}, {"v": "2"}]
    (run,), placed = hub.runs("eu/odd"), hub.placement("eu/odd")
    expected = [
        (0, APPS, "refs/heads/release/1.0+build", heads[0], ("plain 2",)),
        (1, CONFIG, "refs/heads/x,y+z", heads[1], ("plain 2",)),
    ]
    for sources in (run.sources, placed.sources, placed.desired_sources):
        assert [(one.position, one.repo, one.ref, one.revision, one.renderers) for one in sources] == expected
    assert run.commit == placed.commit == placed.desired_commit == "+".join(heads)


def test_sources_that_change_places_after_the_plan_are_read_at_their_own_commits(web: StepHub) -> None:
    web.git.commit(CONFIG, {"values/prod.yaml": "lent: second\n"})
    web.tick()
    web.work()
    web.tick()
    document = DOCUMENT.format(apps=APPS, config=CONFIG, targets=EVERYWHERE)
    lines = document.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if "name: chart" in line)
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    web.git.commit(REGISTRY.repo, {"web.yaml": "".join(lines)})
    web.registry.look(jitter=1.0)
    assert [task for task, _, _ in web.work()].count(messages.SYNC) == 2
    assert [(run.outcome, run.error) for run in web.runs("eu/web")[:1]] == [("succeeded", "")]
    assert data(web) == {"own": "theirs", "lent": "second"}
    web.settle()
    assert web.placement("eu/web").sync == "synced"


def test_a_source_that_is_replaced_after_the_plan_supersedes_the_run(web: StepHub) -> None:
    web.git.commit(CONFIG, {"values/prod.yaml": "lent: second\n"})
    web.tick()
    web.work()
    web.tick()
    document = DOCUMENT.format(apps=APPS, config=CONFIG, targets=EVERYWHERE)
    moved = document.replace("path: extras, ref: {branch: main}", "path: extras, ref: {branch: next}")
    web.git.commit(REGISTRY.repo, {"web.yaml": moved})
    web.registry.look(jitter=1.0)
    web.work()
    assert [(run.outcome, run.reason_code) for run in web.runs("eu/web")[:1]] == [
        ("superseded", RunReason.REGISTRY_CHANGED)
    ]
    web.settle(6)
    assert data(web) == {"own": "theirs", "lent": "second"}
    assert web.placement("eu/web").sync == "synced"
    refs = [one.ref for one in web.placement("eu/web").sources]
    assert refs == [f"refs/heads/{name}" for name in ("main", "main", "next")]
