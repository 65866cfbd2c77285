"""One placement on a real cluster whose workloads come to life, its manifests from a folder on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from common.domain.health import Health
from common.domain.refs import AttemptRef, PlacementRef, RunId
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, WallClock
from tests.fakes.trees import memory_tree
from tests.harness.session import session
from workers.render.cache import RenderCache
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.sync.health import NO_RULES, Context, assess, waits_for_health
from workers.sync.ports import Target
from workers.sync.requests import Installed, Phase
from workers.sync.results import Ending, SyncResult

PATIENCE = 120.0
Manifests = tuple[Mapping[str, Any], ...]


@dataclass
class Example:
    """An application's manifests and its placement."""

    manifests: Manifests
    site: Site
    runs: int = field(default=0)

    def run(self, *, installed: Installed = Installed.ANOTHER, **more: Any) -> SyncResult:
        """Carry out one run, attempt after attempt, as its waiting ends."""
        self.runs += 1
        run = RunId(f"0199c0de-0000-7000-8000-{self.runs:012}")
        phase = Phase.APPLY
        deadline = time.monotonic() + PATIENCE
        while True:
            self.site.attempts += 1
            attempt = AttemptRef(run, self.site.attempts)
            done = self.site.sync(*self.manifests, phase=phase, attempt=attempt, installed=installed, **more)
            if done.ending is not Ending.WAITING or time.monotonic() > deadline:
                return done
            phase = Phase.RESUME
            time.sleep(0.3)

    def await_health(self) -> None:
        """Return once everything is healthy."""
        deadline = time.monotonic() + PATIENCE
        while ill := [str(report) for report in self._reports() if report[1].health is not Health.HEALTHY]:
            assert time.monotonic() < deadline, ill
            time.sleep(0.3)

    def _reports(self) -> Iterator[tuple[str, Any]]:
        for item in self.site.journal.inventory.values():
            if item.is_hook or not waits_for_health(item.object, NO_RULES):
                continue
            kind = self.site.cluster.kind(item.object.group, "", item.object.kind)
            live = self.site.cluster.get(Target(kind, item.object.namespace, item.object.name))
            assert live is not None, item.object
            yield str(item.object), assess(live.body(), Context(now=self.site.clock.now()))


Load = Callable[..., Example]


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderers]:
    """Return the renderers of a worker."""
    found = Renderers(RenderCache(tmp_path_factory.mktemp("cache")))
    yield found
    found.close()


@pytest.fixture
def load(renderers: Renderers, live_cluster: ControlPlane) -> Iterator[Load]:
    """Return a function that renders a folder's path for a placement in a namespace of its own."""
    with session(live_cluster.kubeconfig()) as cluster:

        def loaded(files: Mapping[str, bytes], path: str, name: str, request: RenderRequest | None = None) -> Example:
            tree = memory_tree(files)
            base = request or RenderRequest.at(path)
            asked = replace(base, release=name, namespace=name)
            manifests = renderers.render(lambda _: tree, asked, renderers.resolve(tree, asked)).manifests
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            ref = PlacementRef("live", name)
            site = Site(cluster, ref=ref, namespace=name, clock=WallClock())
            return Example((space, *manifests), site)

        yield loaded
