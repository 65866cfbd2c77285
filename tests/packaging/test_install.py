"""`make venv` installs what is locked and nothing else, whatever the index has by then and however old pip is.

The pip is the one that came with this Python: what a new user has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.index import Index

ROOT = Path(__file__).parents[2]
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "sample"
version = "1.0"
"""
BACKEND = """\
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "sample-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0\\n")
        wheel.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("sample-1.0.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Path:
    """A project of our Makefile, with a lock of three packages: one wants another one's extra.

    The pins name no extra, as the tools that write locks are wont to drop them: that alone made old pip resolve anew.
    """
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    lock = [
        index.publish("plugin", "1.0", requires=["core[fast]>=1"]),
        index.publish("core", "1.0", requires=["accelerator>=1; extra == 'fast'"], extra="fast"),
        index.publish("accelerator", "1.0"),
    ]
    for name in ("requirements-demo.lock", "requirements-dev.lock"):
        (folder / name).write_text("".join(lock))
    return folder


def make_venv(checkout: Path, index: Index) -> subprocess.CompletedProcess[str]:
    home = checkout.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PIP_INDEX_URL": index.url,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
    }
    return subprocess.run(
        ("make", "--no-print-directory", "venv", f"PYTHON={sys._base_executable}"),  # type: ignore[attr-defined]  # in CPython since 3.7, and not in typeshed
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def installed(checkout: Path) -> set[str]:
    folders = (checkout / ".venv").glob("lib/python3.*/site-packages/*.dist-info")
    ours = ("plugin", "core", "accelerator", "sample")
    return {folder.name.removesuffix(".dist-info") for folder in folders if folder.name.startswith(ours)}


def test_releases_newer_than_the_lock_are_not_looked_at(checkout: Path, index: Index) -> None:
    index.publish("core", "2.0", requires=["accelerator>=2; extra == 'fast'"], extra="fast")
    index.publish("accelerator", "2.0")
    done = make_venv(checkout, index)
    assert done.returncode == 0, done.stdout
    assert installed(checkout) == {"plugin-1.0", "core-1.0", "accelerator-1.0", "sample-1.0"}
    assert "Installing" not in make_venv(checkout, index).stdout, "installed twice"


def test_a_release_that_was_swapped_is_refused(checkout: Path, index: Index) -> None:
    index.publish("accelerator", "1.0", requires=["something-else"])
    done = make_venv(checkout, index)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout
