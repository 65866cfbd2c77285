"""Clusters in the foreground serve people, and leave nothing running however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from tests.controlplane.process import StartError
from tests.controlplane.runner import ControlPlanes
from tests.controlplane.test_process import is_gone


def _lines_until_ready(program: subprocess.Popen[str]) -> list[str]:
    assert program.stdout is not None
    lines: list[str] = []
    for line in program.stdout:
        if line == "ready\n":
            return lines
        lines.append(line)
    message = f"it ended with {program.wait()} after {lines}"
    raise AssertionError(message)


@pytest.mark.usefixtures("control_planes")  # for its skip where programs are missing
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(tmp_path: Path, number: signal.Signals) -> None:
    command = (sys.executable, "-m", "tests.controlplane.run", "--clusters", "1", "--kubeconfig-dir", str(tmp_path))
    # What is killed cannot tidy up: its folder goes with the test's.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as program:
        pids = [int(line.split()[0]) for line in _lines_until_ready(program)]
        kubeconfig = yaml.safe_load((tmp_path / "cluster-1.kubeconfig").read_text())
        server = kubeconfig["clusters"][0]["cluster"]["server"]
        program.send_signal(number)
        assert program.wait(20) == (0 if number is signal.SIGTERM else -number)
    assert len(pids) == 2
    until = time.monotonic() + 5
    while not all(map(is_gone, pids)):
        assert time.monotonic() < until, f"{pids} outlive it"
        time.sleep(0.02)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server}/readyz", verify=False)  # noqa: S501 - nobody may answer at all


@pytest.mark.usefixtures("control_planes")
def test_an_api_server_that_cannot_start_says_why_and_takes_etcd_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planes = ControlPlanes(tmp_path)
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho unknown flag: --frobnicate\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setitem(planes._programs, "kube-apiserver", broken)
    with pytest.raises(StartError, match=r"alpha-kube-apiserver ended(.|\n)*--frobnicate"):
        planes.start(["alpha"])
    assert not planes.pids()
