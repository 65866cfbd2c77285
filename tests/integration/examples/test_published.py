"""Applications of real size as their makers publish them, at pinned versions, from the Go module proxy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.examples.conftest import Load, files_below
from tests.integration.examples.test_examples import nothing_changes, removed
from workers.render.request import RenderRequest
from workers.sync.requests import Installed
from workers.sync.results import Ending

CERT_MANAGER = ("github.com/cert-manager/cert-manager", "v1.16.2")
PROMETHEUS_OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "v0.79.2")


def module(path: str, version: str) -> Path:
    """Return the folder of a Go module, downloaded when it is not there yet; checked against the checksum database."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        if os.environ.get("CI"):
            pytest.fail("go is needed to fetch published applications")
        pytest.skip("go is not installed")
    command = [go, "mod", "download", "-json", f"{path}@{version}"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd="/")
    found = json.loads(said.stdout or "{}")
    if "Dir" not in found:
        if os.environ.get("CI"):
            pytest.fail(f"{path}@{version}: {found.get('Error', said.stderr)}")
        pytest.skip(f"{path} cannot be fetched")
    return Path(found["Dir"])


def test_cert_manager_is_synced_and_then_nothing_changes(load: Load) -> None:
    root = module(*CERT_MANAGER)
    files = {f"chart/{path}": text for path, text in files_below(root / "deploy/charts/cert-manager").items()}
    # Its makers fill the version into the template of Chart.yaml, and add the definitions, when they package the chart.
    version = CERT_MANAGER[1].encode()
    files["chart/Chart.yaml"] = b"apiVersion: v2\nname: cert-manager\nversion: %b\nappVersion: %b\n" % (
        version,
        version,
    )
    definitions = b"".join(text for _, text in sorted(files_below(root / "deploy/crds").items()) if text[:1] != b"#")
    files["chart/templates/crds.yaml"] = definitions
    example = load(files, "chart", "cert-manager", RenderRequest.at("chart", values={"crds": {"enabled": True}}))
    done = example.run(installed=Installed.NOTHING)
    assert done.ending is Ending.SUCCEEDED, done.reason
    assert len(example.site.journal.inventory) > 40
    example.await_health()
    nothing_changes(example)
    removed(example)


def test_prometheus_operator_is_synced_and_then_nothing_changes(load: Load) -> None:
    root = module(*PROMETHEUS_OPERATOR)
    files = {
        f"operator/{path.name}": path.read_bytes() for path in root.glob("example/rbac/prometheus-operator/*.yaml")
    }
    files |= {f"operator/crd-{p.name}": p.read_bytes() for p in root.glob("example/prometheus-operator-crd/*.yaml")}
    example = load(files, "operator", "prometheus-operator")
    done = example.run(installed=Installed.NOTHING)
    assert done.ending is Ending.SUCCEEDED, done.reason
    assert max(len(json.dumps(manifest)) for manifest in example.manifests) > 400_000
    example.await_health()
    nothing_changes(example)
    removed(example)
