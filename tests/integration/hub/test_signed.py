"""Sources of which only what is signed may reach a cluster, step by step."""

from __future__ import annotations

from common.domain.refs import GitRef
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import live

DOCUMENT = f"""
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: web}}
spec:
  source: {{repo: '{APPS}', path: web, ref: {{branch: main}}, verify: {{keys: [release-team]}}}}
  namespace: web
  createNamespace: true
  targets: [{{name: all, select: {{all: true}}}}]
"""


def value(hub: StepHub) -> str | None:
    found = live(hub, "eu", "web", "web")
    return None if found is None else found["data"]["v"]


def placed(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.git.commit(REGISTRY.repo, {"web.yaml": DOCUMENT})
    hub.settle()
    assert value(hub) == "1"


def test_what_is_not_signed_reaches_no_cluster_and_what_was_good_stays(hub: StepHub) -> None:
    placed(hub)
    hub.git.unsigned.add(hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")}))
    hub.settle()
    assert value(hub) == "1"
    assert "is not signed by release-team" in hub.placement("eu/web").reason
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="3")})
    hub.settle()
    assert value(hub) == "3"


def test_keys_that_come_later_count_without_another_commit(hub: StepHub) -> None:
    placed(hub)
    hub.git.unsigned.add(hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")}))
    hub.settle()
    hub.git.unsigned.clear()
    hub.settle()
    assert value(hub) == "2"


def test_a_run_asks_again_before_it_writes(hub: StepHub) -> None:
    """Its revision may have been chosen before the registry asked for signatures, or while a key was still trusted."""
    placed(hub)
    hub.git.unsigned.add(hub.git.head(GitRef(APPS, "", "refs/heads/main")))
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle()
    run = hub.runs("eu/web")[0]
    assert (run.outcome, run.error_code) == ("failed", "source.signature")
