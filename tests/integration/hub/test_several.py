"""An application with several sources, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.several import commits_in
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
    assert [commit[0] for commit in commits_in(run.commit)] == ["a", "c"]  # two repositories, three sources


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
    assert commits_in(web.runs("eu/web")[0].commit)[1][0] == "c"
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
