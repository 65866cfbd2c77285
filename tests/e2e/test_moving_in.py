"""From Argo CD and from Flux to Flotilla on a real cluster: step by step as the importer says, and nothing is lost.

The objects are made by kubectl under the names, labels and annotations of the former tool, never by our own apply. The
tools themselves are not here: their kinds are, and the commands of the hand-over run against them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.build import find
from tests.e2e.conftest import World
from tests.e2e.former import CLUSTER, Kubectl, definitions, is_tracking
from tests.harness.processes import eventually

EXAMPLES = Path(__file__).parents[2] / "examples" / "applications"
FINALIZER = "finalizers.example.com/would-delete-everything"


@pytest.fixture(scope="module")
def kubectl(world: World, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Return kubectl for a cluster that knows the kinds of the tools."""
    found = Kubectl(world, tmp_path_factory.mktemp("kubectl"))
    found("apply", "--server-side", "--filename=-", objects=list(definitions()))
    found(
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd",
        *(one["metadata"]["name"] for one in definitions()),
    )
    return found


@dataclass(frozen=True)
class Former:
    """A tool that was here before.

    Attributes:
        name: of the application, and of its namespace.
        example: which it runs.
        imports: the words of the import.
        kinds: of the tool's objects, as kubectl has them.
        objects: these objects, for a repository's URL.
        make: makes what they deployed.
        removed: a file, a text in it and another in its place: a field leaves.
        field: of a Deployment, which then is gone.
    """

    name: str
    example: str
    imports: tuple[str, ...]
    kinds: str
    objects: Callable[[str], list[dict[str, Any]]]
    make: Callable[[Kubectl, str, list[dict[str, Any]]], None]
    removed: tuple[str, str, str]
    field: tuple[str, str]


def _argo_objects(url: str) -> list[dict[str, Any]]:
    spec = {
        "project": "default",
        "source": {"repoURL": url, "path": ".", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "from-argo"},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    metadata = {"name": "from-argo", "namespace": "default", "finalizers": [FINALIZER]}
    return [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": spec}]


def _as_argo(kubectl: Kubectl, namespace: str, manifests: list[dict[str, Any]]) -> None:
    for manifest in manifests:
        group = manifest["apiVersion"].rpartition("/")[0]
        tracked = f"from-argo:{group}/{manifest['kind']}:{namespace}/{manifest['metadata']['name']}"
        manifest["metadata"].setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = tracked
        manifest["metadata"].setdefault("labels", {})["app.kubernetes.io/instance"] = "from-argo"
    kubectl("apply", "--field-manager=argocd-controller", f"--namespace={namespace}", "--filename=-", objects=manifests)


def _git(name: str, url: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    spec = {"interval": "1m", "url": url, "ref": {"branch": "main"}}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata, "spec": spec}


def _kustomization(url: str) -> list[dict[str, Any]]:
    spec = {
        "interval": "10m",
        "path": "./overlays/prod",
        "prune": True,
        "targetNamespace": "from-flux",
        "sourceRef": {"kind": "GitRepository", "name": "from-flux"},
    }
    metadata = {"name": "from-flux", "namespace": "default"}
    version = "kustomize.toolkit.fluxcd.io/v1"
    return [
        _git("from-flux", url),
        {"apiVersion": version, "kind": "Kustomization", "metadata": metadata, "spec": spec},
    ]


def _as_kustomize_controller(kubectl: Kubectl, namespace: str, manifests: list[dict[str, Any]]) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "from-flux", "kustomize.toolkit.fluxcd.io/namespace": "default"}
    for manifest in manifests:
        manifest["metadata"]["namespace"] = namespace
        manifest["metadata"].setdefault("labels", {}).update(labels)
    kubectl("apply", "--server-side", "--field-manager=kustomize-controller", "--filename=-", objects=manifests)


def _release(url: str) -> list[dict[str, Any]]:
    chart = {"spec": {"chart": ".", "sourceRef": {"kind": "GitRepository", "name": "from-helm"}}}
    spec = {"interval": "10m", "targetNamespace": "from-helm", "releaseName": "shop", "chart": chart}
    metadata = {"name": "from-helm", "namespace": "default"}
    version = "helm.toolkit.fluxcd.io/v2"
    return [_git("from-helm", url), {"apiVersion": version, "kind": "HelmRelease", "metadata": metadata, "spec": spec}]


def _as_helm_controller(kubectl: Kubectl, namespace: str, manifests: list[dict[str, Any]]) -> None:
    labels = {"helm.toolkit.fluxcd.io/name": "from-helm", "helm.toolkit.fluxcd.io/namespace": "default"}
    notes = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": namespace}
    for manifest in manifests:
        manifest["metadata"].setdefault("labels", {}).update({**labels, "app.kubernetes.io/managed-by": "Helm"})
        manifest["metadata"].setdefault("annotations", {}).update(notes)
    kubectl("create", "--field-manager=helm-controller", f"--namespace={namespace}", "--filename=-", objects=manifests)


ENV = '          env:\n            - {name: STORE, value: "store:6379"}\n'
FORMER = (
    Former(
        "from-argo",
        "guestbook-plain",
        ("argocd", "--cluster", f"https://kubernetes.default.svc={CLUSTER}"),
        "applications",
        _argo_objects,
        _as_argo,
        ("front.yaml", ENV, ""),
        ("front", "env"),
    ),
    Former(
        "from-flux",
        "guestbook-kustomize",
        ("flux", "--cluster", CLUSTER),
        "kustomizations,gitrepositories",
        _kustomization,
        _as_kustomize_controller,
        ("base/front.yaml", ENV, ""),
        ("prod-front", "env"),
    ),
    Former(
        "from-helm",
        "umbrella",
        ("flux", "--cluster", CLUSTER),
        "helmreleases,gitrepositories",
        _release,
        _as_helm_controller,
        ("charts/frontend/templates/all.yaml", ", args: [{{ .Chart.Name }}]", ""),
        ("shop-frontend", "args"),
    ),
)


@pytest.mark.parametrize("former", FORMER, ids=lambda former: former.name)
def test_an_application_changes_hands_and_loses_nothing(
    world: World, kubectl: Kubectl, former: Former, tmp_path: Path
) -> None:
    root = EXAMPLES / former.example
    files = {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}
    repository = world.repository(former.name)
    repository.commit(files)
    kubectl("create", "namespace", former.name)
    kubectl("create", "--filename=-", objects=former.objects(repository.url))

    # the import, from what the cluster itself says
    mine = ("--all-namespaces", f"--field-selector=metadata.name={former.name}")
    (tmp_path / "objects.yaml").write_text(kubectl("get", former.kinds, *mine, "--output=yaml"))
    tool, *more = former.imports
    found = world.hub.data("import", tool, str(tmp_path / "objects.yaml"), *more)
    ((file, document),) = found["documents"].items()
    assert [one["what"] for one in found["findings"] if "targetNamespace" not in one["what"]] == []
    former.make(kubectl, former.name, _deployed(world, root, document, tmp_path))
    kubectl("wait", "--for=condition=Available", "--timeout=60s", "deployments", "--all", f"--namespace={former.name}")
    before = kubectl.lying(former.name)
    assert before

    # suspended, committed, looked at: nothing but tracking would change
    suspend, _, _, *let_go, delete = (step["commands"] for step in found["steps"])
    for command in suspend:
        kubectl.run(command)
    world.registry.commit({file: yaml.safe_dump(document)})
    eventually("it is placed", lambda: world.hub.runs(former.name, CLUSTER))
    seen = world.hub.data("diff", f"{CLUSTER}/{former.name}")
    assert seen["run"]["outcome"] == "succeeded", seen
    assert {one["action"] for one in seen["objects"]} == {"adopted"}
    lines = [line for one in seen["objects"] for line in one["diff"].splitlines()]
    assert [line for line in lines if not is_tracking(line)] == []

    # switched: the fields are ours, and nothing was touched but the metadata
    document["spec"]["sync"]["mode"] = "enforce"
    world.registry.commit({file: yaml.safe_dump(document)})
    world.hub.await_synced(former.name, 1)
    assert kubectl.lying(former.name) == before
    first = next(
        run for run in reversed(world.hub.runs(former.name)) if run["outcome"] == "succeeded" and run["counts"]
    )
    assert set(first["counts"]) == {"adopted"}

    # let go, and the former tool's objects deleted
    for command in (*chain.from_iterable(let_go), *delete):
        kubectl.run(command)
    assert kubectl("get", former.kinds.split(",")[0], *mine, "--output=name") == ""
    assert kubectl.lying(former.name) == before

    # what leaves Git now leaves the cluster
    name, before_text, after_text = former.removed
    assert _field(kubectl, former) != ""
    assert before_text in files[name]
    changed = repository.commit({name: files[name].replace(before_text, after_text)})
    world.hub.await_synced(former.name, 1, commit=changed)
    assert _field(kubectl, former) == ""
    after = kubectl.lying(former.name)
    assert {one: after[one][0] for one in before if not one.startswith("Pod/")} == {
        one: uid for one, (uid, _) in before.items() if not one.startswith("Pod/")
    }


def _deployed(world: World, root: Path, document: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return what the former tool would have deployed: read, built by kustomize, or rendered from the chart."""
    if (root / "overlays").exists():
        command = [str(find("kubectl")), "kustomize", str(root / "overlays" / "prod")]
        built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return list(yaml.safe_load_all(built.stdout))
    if (root / "Chart.yaml").exists():
        (folder / "application.yaml").write_text(yaml.safe_dump(document))
        done = world.hub.cli("render", "--path", str(root), "--app", str(folder / "application.yaml"))
        return list(yaml.safe_load_all(done.stdout))
    return [one for file in sorted(root.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


def _field(kubectl: Kubectl, former: Former) -> str:
    """Return a field of the first container of a Deployment; empty where it is not there."""
    name, key = former.field
    path = f"jsonpath={{.spec.template.spec.containers[0].{key}}}"
    return kubectl("get", f"deployment/{name}", f"--namespace={former.name}", f"--output={path}")
