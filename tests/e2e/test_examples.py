"""Each way to write an application down: synced to health, changed, broken, healed and removed, on real clusters."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.credentials import DirectoryProvider
from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import BY_COMMAND, World
from tests.fakes.web_server import WebServer, web_server
from tests.fixtures.oci import OciRegistry
from tests.fixtures.s3 import S3Server
from tests.harness.outlets import (
    ChartAndValues,
    ChartInRegistry,
    ChartInRepository,
    InBucket,
    InGit,
    InRegistry,
    Outlet,
)
from tests.harness.processes import eventually

pytestmark = pytest.mark.service("docker-registry")
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "applications"
SOPS = ROOT / "tests" / "data" / "sops"
IMAGE = ("spec", "template", "spec", "containers", 0, "image")
AT_ONCE = 4
"""Lives that are lived beside each other: most of each is waiting."""


@dataclass(frozen=True)
class Servers:
    """What keeps what is published, beside Git."""

    registry: OciRegistry
    charts: WebServer
    buckets: S3Server


@dataclass(frozen=True)
class Look:
    """One object and what in it is looked at."""

    path: str
    value: tuple[str | int, ...] = IMAGE


def front(name: str) -> Look:
    """Look at a Deployment's image."""
    return Look(f"/apis/apps/v1/namespaces/{{0}}/deployments/{name}")


@dataclass(frozen=True)
class Shape:
    """An example, and how to change and how to break it.

    Attributes:
        folder: below ``examples/applications``.
        look: at what.
        change: file, a text in it, and another in its place: a new revision, in which the value ends with ``v9``.
        harm: the same for one that no API server takes.
        more: further lines of the application's document.
        files: besides those in the folder.
    """

    folder: str
    look: Look
    change: tuple[str, str, str]
    harm: tuple[str, str, str]
    more: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def all_files(self) -> dict[str, str]:
        root = EXAMPLES / self.folder
        return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()} | self.files

    def altered(self, alteration: tuple[str, str, str]) -> dict[str, str]:
        """Return the files, one of them altered."""
        file, before, after = alteration
        files = self.all_files
        assert before in files[file]
        return files | {file: files[file].replace(before, after)}


PLAIN = Shape(
    "guestbook-plain",
    front("front"),
    ("front.yaml", "example.com/guestbook:v5", "example.com/guestbook:v9"),
    ("front.yaml", "containerPort: 8080", "containerPort: 808080"),
)
HELM = Shape(
    "guestbook-helm",
    front("{0}-front"),
    ("Chart.yaml", "appVersion: v5", "appVersion: v9"),
    ("templates/front.yaml", "- port: 8080", "- port: 808080"),
)
SHAPES = {
    "plain": PLAIN,
    "kustomize": Shape(
        "guestbook-kustomize",
        front("prod-front"),
        ("overlays/prod/kustomization.yaml", "newTag: v6", "newTag: v9"),
        ("base/front.yaml", "containerPort: 8080", "containerPort: 808080"),
    ),
    "chart": HELM,
    "chart-over-http": HELM,
    "chart-in-registry": HELM,
    "manifests-in-registry": PLAIN,
    "manifests-in-bucket": PLAIN,
    "program": Shape(
        "guestbook-jsonnet",
        front("front"),
        ("main.jsonnet", "example.com/guestbook:v5", "example.com/guestbook:v9"),
        ("main.jsonnet", "service('front', 8080)", "service('front', 808080)"),
    ),
    "staged": Shape(
        "waves",
        front("front"),
        ("front.yaml", "example.com/guestbook:v5", "example.com/guestbook:v9"),
        ("front.yaml", "containerPort: 8080", "containerPort: 808080"),
    ),
    "definition": Shape(
        "crd-and-resources",
        Look("/apis/boats.example.com/v1/namespaces/{0}/boats/sloop", ("spec", "owner")),
        ("boats.yaml", "owner: anna", "owner: anna-v9"),
        ("boats.yaml", "owner: anna", "owner: 9"),
    ),
    "encrypted": Shape(
        PLAIN.folder,
        PLAIN.look,
        PLAIN.change,
        PLAIN.harm,
        more="  decrypt: {sops: {keyRef: sops/e2e}}\n",
        files={"secret.yaml": (SOPS / "regex.yaml").read_text()},
    ),
    "command": Shape(PLAIN.folder, PLAIN.look, PLAIN.change, PLAIN.harm, more="  render: {command: joined}\n"),
    "several": Shape(
        HELM.folder,
        HELM.look,
        ("config.yaml", "tag: v5", "tag: v9"),
        HELM.harm,
        files={"config.yaml": "image: {tag: v5}\n"},
    ),
}


def _outlet(world: World, name: str, servers: Servers) -> Outlet:
    registry = servers.registry
    match name:
        case "chart-over-http":
            return ChartInRepository(servers.charts, "guestbook", "charts/e2e")
        case "chart-in-registry":
            return ChartInRegistry(registry, "guestbook")
        case "manifests-in-registry":
            return InRegistry(registry)
        case "manifests-in-bucket":
            return InBucket(servers.buckets.bucket(), "s3/e2e")
        case "several":
            return ChartAndValues(world.repository(name), world.repository(f"{name}-config"), ("config.yaml",))
        case _:
            return InGit(world.repository(name), "overlays/prod" if name == "kustomize" else ".")


Lives = dict[str, Future[None]]


@pytest.fixture(scope="module")
def lives(world: World, oci_registry: OciRegistry, s3_server: S3Server) -> Iterator[Lives]:
    """Begin every life; they go on beside each other."""
    credentials = DirectoryProvider(world.hub.home / "credentials")
    credentials.store("sops/e2e", {"age.agekey": (SOPS / "age.agekey").read_bytes()})
    credentials.store("charts/e2e", {"username": b"robot", "password": b"letmein"})
    credentials.store("s3/e2e", s3_server.credential)
    with web_server() as charts, ThreadPoolExecutor(AT_ONCE) as pool:
        charts.user = ("robot", "letmein")
        servers = Servers(oci_registry, charts, s3_server)
        yield {name: pool.submit(_live, world, name, _outlet(world, name, servers)) for name in SHAPES}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.timeout(900)
def test_an_application_lives_its_whole_life(lives: Lives, name: str) -> None:
    lives[name].result()


def _live(world: World, name: str, outlet: Outlet) -> None:
    shape = SHAPES[name]
    first = outlet.publish(shape.all_files)
    _place(world, name, outlet, shape)
    world.hub.await_synced(name, 3, commit=first, within=300)
    if name == "encrypted":
        assert _secret(world, name) == b"CANARY-correct-horse"
    if name == "command":
        assert {_value(world, cluster, name, shape) for cluster in LIVE} == {f"{BY_COMMAND}:v5"}

    changed = outlet.publish(shape.altered(shape.change))
    world.hub.await_synced(name, 3, commit=changed, within=300)
    for cluster in LIVE:
        assert _value(world, cluster, name, shape).endswith("v9")

    broken = outlet.publish(shape.altered(shape.harm))
    eventually("it says what is wrong", lambda: _failed(world, name, broken), within=300)
    assert _value(world, LIVE[0], name, shape), "what was there is still there"

    with world.cluster(LIVE[1]).client() as client:
        client.delete(shape.look.path.format(name)).raise_for_status()
    healed = outlet.publish(shape.all_files)
    world.hub.await_synced(name, 3, commit=healed, within=300)
    assert _value(world, LIVE[1], name, shape)

    _place(world, name, outlet, shape, state="retired")
    eventually("all of it is gone", lambda: _gone(world, name, shape), within=300)


def _place(world: World, name: str, outlet: Outlet, shape: Shape, *, state: str = "active") -> None:
    document = f"""\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: {name}}}
spec:
  state: {state}
{outlet.source}{shape.more}\
  namespace: {name}
  createNamespace: true
  targets: [{{name: all, select: {{all: true}}}}]
"""
    world.registry.commit({f"{name}.yaml": document}, f"Place {name}")


def _read(world: World, cluster: str, path: str) -> Any:
    """Return an object; None where there is none."""
    with world.cluster(cluster).client() as client:
        answer = client.get(path)
    return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()


def _value(world: World, cluster: str, name: str, shape: Shape) -> str:
    """Return what is looked at; empty where the object is not there."""
    found = _read(world, cluster, shape.look.path.format(name))
    for key in shape.look.value if found is not None else ():
        found = found[key]
    return found or ""


def _secret(world: World, name: str) -> bytes:
    found = _read(world, LIVE[0], f"/api/v1/namespaces/{name}/secrets/db")
    return base64.b64decode(found["data"]["password"])


def _failed(world: World, name: str, commit: str) -> bool:
    runs = [run for run in world.hub.runs(name) if run["commit"] == commit]
    return len({run["ref"] for run in runs if run["outcome"] == "failed"}) == len(LIVE)


def _gone(world: World, name: str, shape: Shape) -> bool:
    """Approve whatever is asked; return whether nothing is left on any cluster."""
    for one in world.hub.get("approvals")["items"]:
        world.hub.ask("approve", {"approval": one["id"]}, f"{name} is retired")
    return not any(_value(world, cluster, name, shape) for cluster in LIVE)
