"""A field that cannot change, on a real API server."""

from __future__ import annotations

from typing import Any

from common.domain.reasons import sentence
from tests.fakes.sync import annotated, deployment
from tests.integration.examples.conftest import Example, Load
from workers.sync.ports import Target
from workers.sync.results import Ending

PLAIN = {"app/a.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}


def selecting(label: str, **annotations: str) -> dict[str, Any]:
    manifest = annotated(deployment(), **annotations)
    manifest["spec"]["selector"] = {"matchLabels": {"app": label}}
    manifest["spec"]["template"]["metadata"]["labels"] = {"app": label}
    return manifest


def uid(example: Example) -> str:
    kind = example.site.cluster.kind("apps", "", "Deployment")
    live = example.site.cluster.get(Target(kind, "recreate", "web"))
    assert live is not None
    return live.meta.uid


def test_a_selector_changes_only_where_the_object_may_be_made_anew(load: Load) -> None:
    example = load(PLAIN, "app", "recreate")
    space = example.manifests[0]
    example.manifests = (space, selecting("one"))
    assert example.run().ending is Ending.SUCCEEDED
    before = uid(example)
    example.manifests = (space, selecting("two"))
    done = example.run()
    assert done.ending is Ending.FAILED
    assert "field is immutable" in sentence(done.reason)
    assert uid(example) == before
    example.manifests = (space, selecting("two", flotilla_force="recreate"))
    done = example.run()
    assert done.ending is Ending.SUCCEEDED, sentence(done.reason)
    assert uid(example) != before
    assert example.run().ending is Ending.SUCCEEDED
