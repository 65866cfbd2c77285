"""The lock files are complete, and the proof of that notices what is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.locks import LOCKS, ROOT, Lock, Package, environments, faults, installed, not_as_locked, read_lock
from tests.packaging.locks import main as prove

PACKAGES = {
    "plugin": Package("1.0", ("core[fast]>=1",)),
    "core": Package("1.0", ("accelerator>=1; extra == 'fast'", "old-python-only; python_version < '3.12'")),
    "accelerator": Package("1.0", ()),
    "old-python-only": Package("3.0", ()),
}
COMPLETE = ("plugin==1.0", "core[fast]==1.0", "accelerator==1.0", "old-python-only==3.0 ; python_version < '3.12'")


def lock(*pins: str) -> Lock:
    return Lock("some.lock", {Requirement(pin).name: Requirement(pin) for pin in pins})


def told(*pins: str, python: str = "3.11") -> list[str]:
    environment = {**environments()[0], "python_version": python, "python_full_version": f"{python}.0"}
    return faults(lock(*pins), ["plugin"], environment, PACKAGES.get)


def test_the_locks_of_this_checkout_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert prove() == 0, capsys.readouterr().out


def test_what_one_lock_pins_the_next_one_pins_alike() -> None:
    for smaller, larger in pairwise(read_lock(ROOT / name) for name in LOCKS):
        wanted = {name: smaller.version(name) for name in smaller.pins}
        assert {name: larger.version(name) for name in smaller.pins} == wanted


def test_what_only_develops_is_not_in_the_lock_that_runs() -> None:
    for name in ("requirements.lock", "requirements-demo.lock"):
        assert not {"mypy", "ruff", "pytest", "uv"} & read_lock(ROOT / name).pins.keys()


def test_an_image_carries_nothing_that_only_the_simulator_needs() -> None:
    assert not {"kubernetes-validate", "jsonschema-rs"} & read_lock(ROOT / "requirements.lock").pins.keys()
    assert "requirements.lock" in (ROOT / "deploy/docker/Dockerfile").read_text()


@pytest.mark.parametrize("command", [("demo",), ("simulator", "run", "--count", "1")], ids=" ".join)
def test_a_hub_without_the_simulator_says_what_to_install(command: tuple[str, ...], tmp_path: Path) -> None:
    hide = "import sys; sys.modules['kubernetes_validate'] = None; from console.cli.main import main; main()"
    environment = {**os.environ, "HOME": str(tmp_path), "FLOTILLA_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-c", hide, *command]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "flotilla[simulator]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_hashes_every_pin(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_a_complete_lock_has_no_fault(python: str) -> None:
    assert told(*COMPLETE, python=python) == []


def test_a_lost_extra_is_told() -> None:
    assert told("plugin==1.0", "core==1.0", *COMPLETE[2:]) == [
        "plugin asks for core[fast], and the pin has no such extra"
    ]


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (0, "the project asks for plugin, which is not in it"),
        (2, "core asks for accelerator>=1; extra == 'fast', which is not in it"),
        (3, "core asks for old-python-only; python_version < '3.12', which is not in it"),
    ],
)
def test_a_lost_package_is_told(left_out: int, message: str) -> None:
    assert message in told(*COMPLETE[:left_out], *COMPLETE[left_out + 1 :])


def test_a_pin_that_does_not_fit_is_told() -> None:
    assert told(*COMPLETE[:2], "accelerator==0.9", COMPLETE[3]) == [
        "core asks for accelerator>=1; extra == 'fast', and 0.9 is pinned"
    ]


def test_a_pin_that_nothing_asks_for_is_told() -> None:
    packages = {**PACKAGES, "left-over": Package("1.0", ())}
    found = faults(lock(*COMPLETE, "left-over==1.0"), ["plugin"], environments()[0], packages.get)
    assert found == ["nothing asks for left-over"]


def test_what_is_installed_otherwise_than_pinned_is_told() -> None:
    pinned = lock("packaging==0.1", "no-such-package-at-all==1.0")
    assert [line.split(", and ")[0] for line in not_as_locked(pinned, installed)] == [
        "packaging 0.1 is pinned",
        "no-such-package-at-all 1.0 is pinned",
    ]
