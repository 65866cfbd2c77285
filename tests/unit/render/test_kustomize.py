"""What is laid over a kustomization, and what is written for the tool."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from common.sources.faults import SymlinkRefusedError
from common.sources.objects import SYMLINK
from tests.fakes.trees import memory_tree
from workers.render.faults import EscapeRefusedError, PluginRefusedError
from workers.render.files import write_files
from workers.render.kustomize.kustomization import Footprint, footprint
from workers.render.kustomize.rendering import image_of, materialised, overlay_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx:1.27", {"name": "nginx", "newTag": "1.27"}),
        ("nginx=registry.example.com:5000/a/nginx:1", {
            "name": "nginx", "newName": "registry.example.com:5000/a/nginx", "newTag": "1"}),
        ("nginx=other", {"name": "nginx", "newName": "other"}),
        ("nginx=other@sha256:00ff", {"name": "nginx", "newName": "other", "digest": "sha256:00ff"}),
        ("registry.example.com:5000/nginx:1", {"name": "registry.example.com:5000/nginx", "newTag": "1"}),
        ("nginx@sha256:00ff", {"name": "nginx", "digest": "sha256:00ff"}),
    ],
)  # fmt: skip
def test_images_are_written_as_kustomize_edit_takes_them(text: str, expected: dict[str, str]) -> None:
    assert image_of(text) == expected


@pytest.mark.parametrize("text", ["", "a b", "a=b=c", ":tag", "nginx:bad tag"])
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(EscapeRefusedError):
        image_of(text)


def test_the_registrys_settings_become_a_kustomization_over_the_folder() -> None:
    patch = {"target": {"kind": "Deployment"}, "patch": "- op: remove"}
    options = {"images": ["a:1"], "patches": [patch], "components": ["parts/one"], "namePrefix": "p-"}
    assert overlay_of("apps/web", options) == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../tree/apps/web"],
        "components": ["../tree/parts/one"],
        "patches": [patch],
        "images": [{"name": "a", "newTag": "1"}],
        "namePrefix": "p-",
    }
    assert overlay_of("apps/web", {}) is None


def test_a_patch_of_the_registry_names_no_file() -> None:
    with pytest.raises(PluginRefusedError):
        overlay_of("apps/web", {"patches": [{"path": "/etc/passwd"}]})


def test_the_tool_gets_the_footprint_and_nothing_else() -> None:
    tree = memory_tree({"app/kustomization.yaml": "resources: [a.yaml] # words\n", "app/a.yaml": "a", "b.yaml": "b"})
    with materialised(tree, footprint(tree, "app")) as folder:
        files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        assert sorted(files) == ["tree/app/a.yaml", "tree/app/kustomization.yaml"]
        assert files["tree/app/kustomization.yaml"].read_text() == '{"resources":["a.yaml"]}', "as parsed, not as found"
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o400 for path in files.values())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_folder_read_as_a_whole_holds_no_link() -> None:
    tree = memory_tree({"app/kustomization.yaml": "{}", "app/link": (SYMLINK, "/etc")})
    reads = Footprint(wholes={"app"})
    with pytest.raises(SymlinkRefusedError), materialised(tree, reads):
        pass


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "", "."])
def test_no_file_is_written_outside(tmp_path: Path, path: str) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(EscapeRefusedError):
        write_files(tmp_path / "root", [(path, b"")])
    assert [entry.name for entry in tmp_path.rglob("*")] == ["root"]
