"""Whole fleets of Flux and Argo CD, as people publish theirs, change hands on real clusters: nothing is changed by it.

What the tools would have deployed is written out here, with their marks, and not made by our own renderers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.yaml import dump, dump_all
from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import World
from tests.e2e.former import CLUSTER, Kubectl, definitions, is_tracking
from tests.fakes.archives import packed
from tests.fakes.web_server import Reply, WebServer, web_server
from tests.fixtures.oci import CHART, Blob, OciRegistry
from tests.harness.processes import eventually

pytestmark = pytest.mark.service("docker-registry")
DATA = Path(__file__).parents[1] / "data" / "importing"
Files = dict[str, str]
Object = dict[str, Any]
GROUPS = ("argoproj.io", "toolkit.fluxcd.io")


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture(scope="module")
def kubectls(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kubectl]:
    """Return kubectl for each cluster; the first knows the kinds of the tools."""
    found = {name: Kubectl(world, tmp_path_factory.mktemp(name), name) for name in LIVE}
    found[CLUSTER]("apply", "--server-side", "--filename=-", objects=list(definitions()))
    names = [one["metadata"]["name"] for one in definitions()]
    found[CLUSTER]("wait", "--for=condition=Established", "--timeout=60s", "crd", *names)
    return found


def files_of(example: str, put: Mapping[str, str]) -> Files:
    """Return the files of an example, with addresses that there are here."""
    root = DATA / example
    found = {str(file.relative_to(root)): file.read_text() for file in sorted(root.rglob("*")) if file.is_file()}
    for old, new in put.items():
        found = {name: text.replace(old, new) for name, text in found.items()}
    return found


def serve(web: WebServer, folder: Path) -> str:
    """Serve the chart in a folder, and return the URL of its repository."""
    meta = yaml.safe_load((folder / "Chart.yaml").read_text())
    archive = chart_of(folder)
    file = f"{meta['name']}-{meta['version']}.tgz"
    entry = {**meta, "urls": [file], "digest": sha256(archive).hexdigest()}
    web.replies[f"/{file}"] = Reply(content=archive)
    index = {"apiVersion": "v1", "entries": {meta["name"]: [entry]}}
    web.replies["/index.yaml"] = Reply(content=json.dumps(index).encode())
    return web.url


def chart_of(folder: Path) -> bytes:
    """Return the archive of the chart in a folder."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return packed({f"{folder.name}/{file.relative_to(folder)}": file.read_text() for file in files})


def config_map(name: str, namespace: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, namespace: str, image: str, *, replicas: int = 1, args: list[str] | None = None) -> Object:
    container = {"name": "app", "image": image} | ({"args": args} if args else {})
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def marked(one: Object, labels: Mapping[str, str], notes: Mapping[str, str] | None = None) -> Object:
    """Return an object with marks of a tool."""
    whole = deepcopy(one)
    whole["metadata"].setdefault("labels", {}).update(labels)
    whole["metadata"].setdefault("annotations", {}).update(notes or {})
    return whole


def by_kustomization(one: Object, name: str, namespace: str) -> Object:
    group = "kustomize.toolkit.fluxcd.io"
    return marked(one, {f"{group}/name": name, f"{group}/namespace": namespace})


def by_release(one: Object, name: str, namespace: str, release: str) -> Object:
    group = "helm.toolkit.fluxcd.io"
    labels = {f"{group}/name": name, f"{group}/namespace": namespace, "app.kubernetes.io/managed-by": "Helm"}
    notes = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": one["metadata"]["namespace"]}
    return marked(one, labels, notes)


def by_argo(one: Object, name: str) -> Object:
    group, kind = one["apiVersion"].rpartition("/")[0], one["kind"]
    tracked = f"{name}:{group}/{kind}:{one['metadata']['namespace']}/{one['metadata']['name']}"
    return marked(one, {}, {"argocd.argoproj.io/tracking-id": tracked})


def tool_objects(files: Files) -> list[Object]:
    """Return the objects of the tools in some files."""
    documents = [one for name, text in files.items() if name.endswith(".yaml") for one in read(text)]
    return [one for one in documents if one["apiVersion"].partition("/")[0].endswith(GROUPS)]


def read(text: str) -> list[Object]:
    if "{{-" in text or "{{ ." in text:
        return []
    return [one for one in yaml.safe_load_all(text) if isinstance(one, dict) and "apiVersion" in one and "kind" in one]


def without_the_tool(files: Files, folder: str) -> dict[str, str | None]:
    """Return what is left of a folder without the tools' own objects; None where nothing of a file is."""
    found: dict[str, str | None] = {}
    for name, text in files.items():
        if name.startswith(f"{folder}/"):
            kept = [one for one in read(text) if not one["apiVersion"].partition("/")[0].endswith(GROUPS)]
            found[name] = dump_all(kept) if kept else None
    return found


def imported(world: World, files: Files, folder: Path, *words: str) -> dict[str, Any]:
    """Return what the import of some files gives, as a person would run it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    found: dict[str, Any] = world.hub.data("import", words[0], str(folder), *words[1:])
    return found


def adopt(world: World, found: Mapping[str, Any], placed: Mapping[str, list[str]]) -> None:
    """Commit what was imported; see that each placement would adopt and change nothing, switch, and see that it did."""
    documents = {file: deepcopy(one) for file, one in found["documents"].items()}
    world.registry.commit({file: dump(one) for file, one in documents.items()})
    assert sorted(placed) == sorted(one["metadata"]["name"] for one in documents.values() if one["kind"] != "Project")
    for name, clusters in placed.items():
        for cluster in clusters:
            eventually(f"{cluster}/{name} is placed", partial(world.hub.runs, name, cluster))
            seen = world.hub.data("diff", f"{cluster}/{name}")
            assert seen["run"]["outcome"] == "succeeded", (name, cluster, seen)
            assert {one["action"] for one in seen["objects"]} == {"adopted"}, (name, cluster, seen)
            lines = [line for one in seen["objects"] for line in one["diff"].splitlines()]
            assert [line for line in lines if not is_tracking(line)] == [], (name, cluster)
    for one in documents.values():
        if one["kind"] == "Application":
            one["spec"]["sync"]["mode"] = "enforce"
    world.registry.commit({file: dump(one) for file, one in documents.items()})
    for name, clusters in placed.items():
        world.hub.await_synced(name, len(clusters))
        done = [run["counts"] for run in world.hub.runs(name) if run["outcome"] == "succeeded" and run["counts"]]
        assert [set(counts) - {"adopted", "unchanged"} for counts in done] == [set()] * len(done), name


def test_a_home_fleet_changes_hands(
    world: World, kubectls: dict[str, Kubectl], web: WebServer, oci_registry: OciRegistry, tmp_path: Path
) -> None:
    oci_registry.push("charts/whoami", "1.2.0", Blob(chart_of(DATA / "home/charts/whoami"), CHART))
    repository = world.repository("home-ops")
    charts = serve(web, DATA / "home/charts/echo")
    put = {"https://git.example.com/home-ops.git": repository.url, "https://charts.example.com": charts}
    files = files_of("home", put | {"oci://registry.example.com": f"oci://{oci_registry.host}"})
    repository.commit(files)
    kubectl = kubectls[CLUSTER]
    for name in ("flux-system", "media", "tools"):
        kubectl("create", "namespace", name)
    kubectl("create", "--filename=-", objects=tool_objects(files))

    args = ["--host=whoami.home.example.com", "--motd=hello", "--unset="]
    whoami = deployment("whoami", "media", "registry.example.com/whoami:v1.10", replicas=2, args=args)
    whoami["metadata"]["labels"] = {"version": "v1.10"}
    script = config_map("script", "media", **{"run.sh": "echo ${HOME} ${APP:-none}\n"})
    script["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    values = {"cluster": "home", "mode": "0755", "when": "12:30", "enabled": "yes", "version": "1e3"}
    settings = config_map("settings", "media", DOMAIN="home.example.com", REPLICAS="1")
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("media", "tools")]
    echo_values = config_map("echo-values", "tools", **{"values.yaml": "level: info\nsize: 3\n"})
    flux = [
        by_kustomization(whoami, "whoami", "media"),
        by_kustomization(script, "whoami", "media"),
        by_kustomization(deployment("echo", "tools", "registry.example.com/echo:2.1"), "echo", "tools"),
        *(by_kustomization(one, "apps", "flux-system") for one in (settings, echo_values, *namespaces)),
    ]
    manager = ("--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
    kubectl("apply", *manager, "--filename=-", objects=flux)
    helm = [
        by_release(config_map("whoami-chart", "media", **values), "whoami", "media", "whoami"),
        by_release(config_map("echo-chart", "tools", level="debug", size="3"), "echo", "tools", "echo-chart"),
    ]
    kubectl("create", "--field-manager=helm-controller", "--filename=-", objects=helm)
    before = {name: kubectl.lying(name) for name in ("media", "tools")}

    found = imported(world, files, tmp_path, "flux", "--cluster", CLUSTER)
    suspend, _, _, _, let_go, delete = (step["commands"] for step in found["steps"])
    for command in suspend:
        kubectl.run(command)
    repository.commit(without_the_tool(files, "apps"))
    adopt(world, found, {name: [CLUSTER] for name in ("apps", "whoami-ks", "whoami-hr", "echo-ks", "echo-hr")})
    for command in (*let_go, *delete):
        kubectl.run(command)
    assert kubectl("get", "kustomizations,helmreleases", "--all-namespaces", "--output=name") == ""
    assert {name: kubectl.lying(name) for name in before} == before


def test_sets_with_every_generator_change_hands(world: World, kubectls: dict[str, Kubectl], tmp_path: Path) -> None:
    repository = world.repository("sets")
    files = files_of("sets", {"https://git.example.com/sets.git": repository.url})
    repository.commit(files)
    eu, us, other = LIVE
    made = [
        ("list", "by-list", [eu, us]),
        ("labels", "by-labels", [eu, us, other]),  # the labels select every cluster that the registry has
        ("folders-red", "red", [eu]),
        ("folders-blue", "blue", [eu]),
        ("files", "payments", [eu]),
        ("files", "search", [us]),
        ("matrix-gold", "by-matrix", [eu]),
        ("matrix-silver", "by-matrix", [us]),
        ("merge", "by-merge", [eu]),
        ("merge", "by-merge-us", [us]),
    ]
    for name, namespace, clusters in made:
        for cluster in clusters:
            one = by_argo(config_map(name, namespace, made=name), f"{namespace}-app")
            kubectls[cluster]("create", "namespace", namespace)
            kubectls[cluster]("apply", "--field-manager=argocd-controller", "--filename=-", objects=[one])
    before = {cluster: kubectl.lying("by-list") for cluster, kubectl in kubectls.items()}
    folder = tmp_path / "sets"
    words = ["--cluster", f"eu={eu}", "--cluster", f"us={us}", "--checkout", f"{repository.url}={folder}"]
    found = imported(world, files, folder, "argocd", *words)
    assert [one["what"] for one in found["findings"] if "by-repositories" not in one["what"]] == []
    assert "CANARY" not in json.dumps(found)
    placed = {
        "by-list": [eu, us],
        "by-labels": [eu, us, other],
        "red": [eu],
        "blue": [eu],
        "by-files-payments": [eu],
        "by-files-search": [us],
        "by-matrix-eu-plain": [eu],
        "by-matrix-us-plain": [us],
        "by-merge-eu": [eu],
        "by-merge-us": [us],
    }
    adopt(world, found, placed)
    assert {cluster: kubectl.lying("by-list") for cluster, kubectl in kubectls.items()} == before


def test_an_application_of_applications_changes_hands(
    world: World, kubectls: dict[str, Kubectl], web: WebServer, tmp_path: Path
) -> None:
    repository = world.repository("shop")
    charts = serve(web, DATA / "app-of-apps/chart")
    put = {"https://git.example.com/shop.git": repository.url, "https://charts.example.com": charts}
    files = files_of("app-of-apps", put)
    repository.commit(files)
    kubectl = kubectls[CLUSTER]
    for name in ("argocd", "shop"):
        kubectl("create", "namespace", name)
    kubectl("create", "--filename=-", objects=tool_objects(files))
    argo = [
        by_argo(deployment("web", "shop", "registry.example.com/web:1"), "web"),
        by_argo(config_map("cart", "shop", port="08080", store="files", size="3", cluster="home"), "cart"),
        by_argo(config_map("notes", "argocd", owner="shop"), "root"),
    ]
    kubectl("apply", "--field-manager=argocd-controller", "--filename=-", objects=argo)
    before = {name: kubectl.lying(name) for name in ("argocd", "shop")}

    found = imported(world, files, tmp_path, "argocd", "--cluster", f"https://kubernetes.default.svc={CLUSTER}")
    suspend, _, _, _, let_go, delete = (step["commands"] for step in found["steps"])
    for command in suspend:
        kubectl.run(command)
    repository.commit(without_the_tool(files, "apps"))
    leave(world)
    adopt(world, found, {name: [CLUSTER] for name in ("root", "web", "cart")})
    for command in (*let_go, *delete):
        kubectl.run(command)
    assert kubectl("get", "applications", "--all-namespaces", "--output=name") == ""
    assert {name: kubectl.lying(name) for name in before} == before


def leave(world: World) -> None:
    """Take the applications of no project out of the registry: once there is a Project, each names one."""
    folder = Path(world.registry.folder) / "applications" / "default"
    gone = {f"applications/default/{file.name}": None for file in folder.glob("*.yaml")}
    world.registry.commit(gone)
