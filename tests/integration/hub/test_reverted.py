"""A revision that failed and is taken back: the placement returns to what it ran before, whatever was written of it."""

from __future__ import annotations

from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map, deployment
from tests.harness.seen import live, look, until_ended

REFUSED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n"


def value(hub: StepHub) -> str:
    found = live(hub, "eu", "web", "web")
    assert found is not None
    return str(found["data"]["v"])


def test_one_that_was_refused_leaves_nothing_behind(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web")
    hub.settle()
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2") + REFUSED})
    hub.settle()
    assert hub.placement("eu/web").sync == "failed"
    last = hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.settle()
    seen = hub.placement("eu/web")
    assert (seen.sync, seen.reason, seen.commit) == ("synced", "", last)
    assert value(hub) == "1"


def test_what_was_written_of_it_is_written_back(hub: StepHub) -> None:
    hub.declare("eu")
    good = {
        "web/a.yaml": config_map("web", v="1"),
        "web/b.yaml": deployment("web", wave=1),
    }
    hub.git.commit(APPS, good)
    hub.application("web")
    hub.settle()
    run = until_ended(hub)
    assert run.outcome == "succeeded", run.error
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2"), "web/b.yaml": deployment("Not_A_Name", wave=1)})
    hub.settle()
    look(hub)
    until_ended(hub)
    assert (hub.runs("eu/web")[0].outcome, value(hub)) == ("failed", "2"), "its first wave was written"
    hub.git.commit(APPS, good)
    hub.settle()
    assert until_ended(hub).outcome == "succeeded"
    assert value(hub) == "1"
    assert hub.placement("eu/web").sync == "synced"


def test_hooks_of_a_first_installation_do_not_run_again(hub: StepHub) -> None:
    """What runs is not known for a while, but it was installed."""
    hub.declare("eu")
    hook = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\n"
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), "web/b.yaml": hook})
    hub.application("web")
    hub.settle()
    assert until_ended(hub).outcome == "succeeded"
    made = [one.object for one in hub.run(hub.runs("eu/web")[0].id).objects]
    assert "/ConfigMap:web/hook" in made
    hub.git.commit(APPS, {"web/c.yaml": REFUSED})
    hub.settle()
    hub.git.commit(APPS, {"web/c.yaml": None})
    hub.settle()
    run = until_ended(hub)
    assert run.outcome == "succeeded"
    assert [one.object for one in hub.run(run.id).objects] == []
