"""``flotilla import`` on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from common.registry import validate_directory
from console.cli import main

DATA = Path(__file__).parents[2] / "data" / "importing"
ARGO = ["import", "argocd", str(DATA / "argo.yaml"), "--cluster", "https://kubernetes.default.svc=hub"]
FLEET = "apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: acme}\nspec: {labels: {env: [prod, dev]}}\n"
CLUSTER = (
    "---\napiVersion: flotilla.dev/v1\nkind: Cluster\nmetadata: {{name: {0}, labels: {{env: prod}}}}\n"
    "spec: {{server: 'https://{0}.example.com', credentials: {{secretRef: clusters/{0}}}}}\n"
)


def test_documents_go_out_and_words_for_people_beside_them() -> None:
    done = CliRunner().invoke(main.app, ARGO)
    assert done.exit_code == 1, done.output
    assert len(list(yaml.safe_load_all(done.stdout))) == 4
    assert "argo.yaml:27: Application guestbook: a jq expression has no place. Write JSON pointers" in done.stderr
    assert "CANARY" not in done.output
    data = orjson.loads(CliRunner().invoke(main.app, [*ARGO, "-o", "json"]).stdout)
    assert sorted(data) == ["documents", "findings", "passedOver", "steps"]


def test_what_is_written_is_a_registry_in_order(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(FLEET + "".join(CLUSTER.format(name) for name in ("hub", "eu-1", "us-1")))
    done = CliRunner().invoke(main.app, [*ARGO, "--into", str(tmp_path)])
    assert "4 documents are in" in done.stdout
    assert validate_directory(tmp_path) == ()
    flux = ["import", "flux", str(DATA / "flux.yaml"), "--cluster", "hub", "--into", str(tmp_path)]
    assert CliRunner().invoke(main.app, flux).exit_code == 1
    assert validate_directory(tmp_path) == ()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    CliRunner().invoke(main.app, [*ARGO, "--into", str(tmp_path)])
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.yaml")}
    again = CliRunner().invoke(main.app, [*ARGO, "--into", str(tmp_path)])
    assert again.exception is not None
    assert "is there already" in str(again.exception)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.yaml")} == before


def test_folders_are_read_and_what_is_not_there_is_named(tmp_path: Path) -> None:
    shutil.copy(DATA / "argo.yaml", tmp_path / "a.yaml")
    done = CliRunner().invoke(main.app, ["import", "argocd", str(tmp_path)])
    assert f"{tmp_path}/a.yaml:8:" in done.stderr.replace("\n", "")
    missing = CliRunner().invoke(main.app, ["import", "argocd", str(tmp_path / "none.yaml")])
    assert "none.yaml" in str(missing.exception)
    for name in ("A B", "x=", "x=Y"):
        assert CliRunner().invoke(main.app, ["import", "argocd", str(tmp_path), "--cluster", name]).exit_code == 2
        assert CliRunner().invoke(main.app, ["import", "flux", str(tmp_path), "--cluster", name]).exit_code == 2
    for option in ("--cluster", "--checkout"):
        assert CliRunner().invoke(main.app, ["import", "argocd", str(tmp_path), option, "x"]).exit_code == 2


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_a_file_of_something_else_is_a_clear_error(tmp_path: Path, tool: str) -> None:
    (tmp_path / "a.yaml").write_text("kind: ConfigMap\n")
    more = ["--cluster", "eu"] if tool == "flux" else []
    done = CliRunner().invoke(main.app, ["import", tool, str(tmp_path), *more])
    assert "the files hold no" in str(done.exception)


def many(tmp_path: Path) -> Path:
    """Write four releases with the same fields that have no place, and a fifth with one of them."""
    chart = "chart: {spec: {chart: a, version: 1.0.0, sourceRef: {kind: HelmRepository, name: a}}}"
    head = "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web-%s, namespace: web}\n"
    waits = "dependsOn: [{name: a, namespace: b}, {name: c}]"
    texts = [head % number + f"spec: {{{chart}, {waits}, serviceAccountName: x}}\n" for number in range(4)]
    texts += [head % 4 + f"spec: {{{chart}, {waits}}}\n"]
    source = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: a, namespace: web}\n"
    file = tmp_path / "many.yaml"
    file.write_text("".join(texts) + source + "spec: {url: 'https://charts.example.com'}\n")
    return file


def test_the_same_of_several_objects_is_told_in_one_line(tmp_path: Path) -> None:
    words = ["import", "flux", str(file := many(tmp_path)), "--cluster", "eu"]
    lines = [line for line in CliRunner().invoke(main.app, words).stderr.splitlines() if "no place" in line]
    seen = [f"HelmRelease web-{number} ({file}:{5 * number + 5})" for number in range(3)]
    assert lines == [
        "spec.dependsOn has no place in the registry. See whether it is needed, and write it by hand. "
        f"In {', '.join(seen)} and 2 more.",
        "spec.serviceAccountName has no place in the registry. See whether it is needed, and write it by hand. "
        f"In {', '.join(seen)} and 1 more.",
    ]
    assert (
        "To look at: 9 findings in 2 lines above; --each lists every one." in CliRunner().invoke(main.app, words).stderr
    )
    each = CliRunner().invoke(main.app, [*words, "--each"]).stderr
    assert "To look at: 9 findings above." in each
    assert each.count("no place") == 9
    assert f"{file}:25: HelmRelease web-4: spec.dependsOn has no place in the registry." in each
    data = orjson.loads(CliRunner().invoke(main.app, [*words, "-o", "json"]).stdout)
    assert len(data["findings"]) == 9
    assert sorted(data["findings"][0]) == ["file", "line", "remedy", "what"]
