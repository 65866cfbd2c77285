"""Applications of typical shapes on a real cluster: synced to health, and a second time without any change."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.domain.changes import MUTATIONS
from common.domain.fleet import PrunePolicy, SyncSettings
from tests.integration.examples.conftest import Example, Load, files_below
from workers.render.request import RenderRequest
from workers.sync.requests import DryRuns, Installed, Phase
from workers.sync.results import Ending

ROOT = Path(__file__).parents[3] / "examples" / "applications"
PATHS = (
    "guestbook-plain",
    "guestbook-kustomize/overlays/prod",
    "guestbook-helm",
    "guestbook-jsonnet",
    "waves",
    "crd-and-resources",
    "boutique",
    "umbrella",
    "operator",
    "monitoring",
)
AT_LEAST = {"monitoring": 100, "boutique": 31, "umbrella": 5}


def test_every_example_is_synced_here() -> None:
    assert {path.split("/")[0] for path in PATHS} == {path.name for path in ROOT.iterdir() if path.is_dir()}


@pytest.mark.parametrize("path", PATHS)
def test_an_example_is_synced_and_then_nothing_changes(load: Load, path: str) -> None:
    cluster = {"name": "live", "labels": {}, "vars": {}}
    example = load(files_below(ROOT), path, path.split("/")[0], RenderRequest.at(path, cluster=cluster))
    done = example.run(installed=Installed.NOTHING)
    assert done.ending is Ending.SUCCEEDED, done.reason
    assert len(example.site.journal.inventory) >= AT_LEAST.get(path, 3)
    example.await_health()
    nothing_changes(example)
    removed(example)


def nothing_changes(example: Example) -> None:
    """Check that another run, by fingerprints or by dry-runs, leaves every object but hooks as it is."""
    for dry_runs in DryRuns:
        again = example.run(dry_runs=dry_runs)
        assert again.ending is Ending.SUCCEEDED, again.reason
        hooks = {item.object for item in example.site.journal.inventory.values() if item.is_hook}
        assert [c for c in again.changes if c.action in MUTATIONS and c.object not in hooks] == []


def removed(example: Example) -> None:
    """Check that the placement can leave."""
    example.site.settings = SyncSettings(prune=PrunePolicy(max_objects=10_000, max_percent=100))
    done = example.site.sync(phase=Phase.REMOVE)
    assert done.ending is Ending.SUCCEEDED, done.reason
