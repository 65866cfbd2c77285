"""A cluster on which another tool was before: its kinds, its marks, and the commands of a hand-over, by kubectl."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from common.yaml import dump_all
from tests.controlplane.build import find
from tests.controlplane.fixtures import LIVE
from tests.e2e.conftest import World

CLUSTER = LIVE[0]
LINE = re.compile(r"[+~-] \.metadata\.(?:labels|annotations)(?:\.(?P<key>[^:]+))?: (?P<value>.*)")
TRACKING = re.compile(
    r"flotilla\.dev/.*|argocd\.argoproj\.io/.*|(kustomize|helm)\.toolkit\.fluxcd\.io/.*|meta\.helm\.sh/.*"
    r"|app\.kubernetes\.io/(instance|managed-by)|kubectl\.kubernetes\.io/last-applied-configuration"
)
KINDS = {
    "argoproj.io": ("v1alpha1", ("Application", "ApplicationSet", "AppProject")),
    "kustomize.toolkit.fluxcd.io": ("v1", ("Kustomization",)),
    "helm.toolkit.fluxcd.io": ("v2", ("HelmRelease",)),
    "source.toolkit.fluxcd.io": ("v1", ("GitRepository", "HelmRepository", "OCIRepository")),
}


def definitions() -> Iterator[dict[str, Any]]:
    """Yield the definitions of the tools' kinds, without their schemas."""
    for group, (version, kinds) in KINDS.items():
        for kind in kinds:
            plural = f"{kind.lower().removesuffix('y')}ies" if kind.endswith("y") else f"{kind.lower()}s"
            schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            names = {"kind": kind, "plural": plural, "singular": kind.lower()}
            yield {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": names,
                    "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
                },
            }


class Kubectl:
    """The real kubectl against one cluster."""

    def __init__(self, world: World, folder: Path, cluster: str = CLUSTER) -> None:
        binary = find("kubectl")
        assert binary is not None
        self._command = [str(binary), f"--kubeconfig={folder / 'kubeconfig'}"]
        (folder / "kubeconfig").write_text(yaml.safe_dump(world.cluster(cluster).kubeconfig()))

    def __call__(self, *arguments: str, objects: Any = None) -> str:
        text = None if objects is None else dump_all(objects)
        done = subprocess.run(
            [*self._command, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, printed: str) -> str:
        """Run a command as the importer printed it."""
        script = f'kubectl() {{ {shlex.join(self._command)} "$@"; }}; {printed}'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (printed, done.stderr)
        return done.stdout

    def lying(self, namespace: str) -> dict[str, tuple[str, Any]]:
        """Return uid and spec of everything that the former tool made, and the uids of Pods: nothing is to restart."""
        kinds = "deployments,services,configmaps,pods"
        found = json.loads(self("get", kinds, "--namespace", namespace, "--output=json"))
        return {
            f"{item['kind']}/{item['metadata']['name']}": (
                item["metadata"]["uid"],
                None if item["kind"] == "Pod" else item.get("spec", item.get("data")),
            )
            for item in found["items"]
            if item["metadata"]["name"] != "kube-root-ca.crt"
        }


def is_tracking(line: str) -> bool:
    """Tell whether a line of a diff is about labels or annotations by which tools know their objects."""
    match = LINE.fullmatch(line)
    keys = [] if match is None else [match["key"]] if match["key"] else list(json.loads(match["value"]))
    return bool(keys) and all(TRACKING.fullmatch(key) for key in keys)
