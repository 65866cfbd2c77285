"""Each way to write an application down: synced to health, changed, broken, healed and removed, on real clusters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import World
from tests.e2e.hub import eventually

EXAMPLES = Path(__file__).parents[2] / "examples" / "applications"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{0}/deployments"


class Shape:
    """An example, and how to change and how to break it.

    Args:
        folder: below ``examples/applications``.
        path: of the source below the folder.
        front: the Deployment to look at.
        change: file, a text in it, and another in its place: a new revision.
        harm: the same for one that no API server takes.
    """

    def __init__(
        self, folder: str, front: str, change: tuple[str, str, str], harm: tuple[str, str, str], path: str = ""
    ) -> None:
        self.folder = folder
        self.path = path
        self.front = front
        self.change = change
        self.harm = harm
        root = EXAMPLES / folder
        self.files = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}

    def altered(self, alteration: tuple[str, str, str]) -> dict[str, str]:
        """Return one file, altered."""
        file, before, after = alteration
        assert before in self.files[file]
        return {file: self.files[file].replace(before, after)}


IMAGE = "example.com/guestbook:v5"
SHAPES = {
    "plain": Shape(
        "guestbook-plain",
        "front",
        ("front.yaml", IMAGE, "example.com/guestbook:v9"),
        ("front.yaml", "containerPort: 8080", "containerPort: 808080"),
    ),
    "kustomize": Shape(
        "guestbook-kustomize",
        "prod-front",
        ("overlays/prod/kustomization.yaml", "newTag: v6", "newTag: v9"),
        ("base/front.yaml", "containerPort: 8080", "containerPort: 808080"),
        path="/overlays/prod",
    ),
    "chart": Shape(
        "guestbook-helm",
        "chart-front",
        ("Chart.yaml", "appVersion: v5", "appVersion: v9"),
        ("templates/front.yaml", "- port: 8080", "- port: 808080"),
    ),
    "program": Shape(
        "guestbook-jsonnet",
        "front",
        ("main.jsonnet", IMAGE, "example.com/guestbook:v9"),
        ("main.jsonnet", "service('front', 8080)", "service('front', 808080)"),
    ),
    "staged": Shape(
        "waves",
        "front",
        ("front.yaml", IMAGE, "example.com/guestbook:v9"),
        ("front.yaml", "containerPort: 8080", "containerPort: 808080"),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_application_lives_its_whole_life(world: World, name: str) -> None:
    shape = SHAPES[name]

    def commit(files: dict[str, str]) -> str:
        return world.apps.commit({f"{name}/{file}": text for file, text in files.items()})

    commit(shape.files)
    _place(world, name, shape)
    world.hub.await_synced(name, 3, within=180)

    changed = commit(shape.altered(shape.change))
    world.hub.await_synced(name, 3, commit=changed, within=180)
    for cluster in LIVE:
        assert _image(world, cluster, name, shape).endswith(":v9")

    broken = commit(shape.altered(shape.harm))
    eventually("it says what is wrong", lambda: _failed(world, name, broken), within=120)
    assert _image(world, LIVE[0], name, shape), "what was there is still there"

    with world.cluster(LIVE[1]).client() as client:
        client.delete(DEPLOYMENTS.format(name) + f"/{shape.front}").raise_for_status()
    healed = commit(shape.files)
    world.hub.await_synced(name, 3, commit=healed, within=180)
    assert _image(world, LIVE[1], name, shape)

    _place(world, name, shape, state="retired")
    eventually("all of it is gone", lambda: _gone(world, name, shape), within=180)


def _place(world: World, name: str, shape: Shape, *, state: str = "active") -> None:
    document = f"""\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: {name}}}
spec:
  state: {state}
  source: {{repo: "{world.apps.url}", path: {name}{shape.path}, ref: {{branch: main}}}}
  namespace: {name}
  createNamespace: true
  targets: [{{name: all, select: {{all: true}}}}]
"""
    world.registry.commit({f"{name}.yaml": document}, f"Place {name}")


def _image(world: World, cluster: str, name: str, shape: Shape) -> str:
    """Return the image that the front runs; empty where there is no front."""
    with world.cluster(cluster).client() as client:
        answer = client.get(DEPLOYMENTS.format(name) + f"/{shape.front}")
    if answer.status_code == 404:
        return ""
    image: str = answer.raise_for_status().json()["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def _failed(world: World, name: str, commit: str) -> bool:
    runs = [run for run in world.hub.runs(name) if run["commit"] == commit]
    return len({run["ref"] for run in runs if run["outcome"] == "failed"}) == len(LIVE)


def _gone(world: World, name: str, shape: Shape) -> bool:
    """Approve whatever is asked; return whether nothing is left on any cluster."""
    for one in world.hub.get("approvals"):
        world.hub.post(f"approvals/{one['id']}/approve", {"reason": f"{name} is retired"})
    return not any(_image(world, cluster, name, shape) for cluster in LIVE)
