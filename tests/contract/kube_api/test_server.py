"""The simulator as a server: faults over the wire, the admin endpoints, the program."""

from __future__ import annotations

import json
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from simulator.server import Simulator, running_simulator
from tests.contract.kube_api.kube import Kube


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Return a running simulator of two clusters."""
    with running_simulator(["sick", "well"], ready_after=timedelta(milliseconds=20)) as running:
        yield running


@pytest.fixture
def sick(simulator: Simulator) -> Iterator[Kube]:
    """Return the cluster that gets the faults; healthy again afterwards."""
    kube = _kube(simulator, "sick")
    yield kube
    simulator.faults("sick")
    kube.close()


def _kube(simulator: Simulator, name: str) -> Kube:
    return Kube(name, simulator.url(name), simulator.authority.decode(), simulator.token(name))


def test_a_refusing_cluster_closes_the_connection(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "refuse"})
    with pytest.raises(httpx.RemoteProtocolError):
        sick.get("/version")


def test_a_hanging_cluster_does_not_answer_and_the_other_one_does(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "hang"})
    sick.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        sick.get("/version")
    well = _kube(simulator, "well")
    assert well.get("/version").code == 200
    well.close()


def test_a_slow_cluster_answers_late(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "slow", "delayMs": 200})
    began = time.monotonic()
    assert sick.get("/version").code == 200
    assert time.monotonic() - began >= 0.2


def test_a_throttling_cluster_says_when_to_come_back(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "throttle", "retryAfterSeconds": 7})
    answer = sick.http.get("/version")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(("kind", "code"), [("error", 500), ("unauthorized", 401)])
def test_a_failing_cluster_answers_with_a_status(simulator: Simulator, sick: Kube, kind: str, code: int) -> None:
    simulator.faults("sick", {"kind": kind})
    answer = sick.get("/version")
    assert (answer.code, answer.body["kind"]) == (code, "Status")


def test_a_broken_answer_ends_after_some_bytes(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "drop", "afterBytes": 20})
    with pytest.raises(httpx.RemoteProtocolError, match="20 bytes"):
        sick.get("/version")


def test_garbage_is_no_json(simulator: Simulator, sick: Kube) -> None:
    simulator.faults("sick", {"kind": "garbage"})
    assert "text" in sick.get("/version").body


def test_requests_are_counted_by_verb(simulator: Simulator, sick: Kube) -> None:
    simulator.reset_requests()
    path = "/api/v1/namespaces/default/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "counted"}}
    sick.apply(f"{path}/counted", body, "one", dryRun="All")
    sick.apply(f"{path}/counted", body, "one")
    sick.get(path)
    sick.get(f"{path}/counted")
    assert simulator.requests("sick") == {"apply-dry-run": 1, "apply": 1, "list": 1, "get": 1}


def test_clusters_share_no_objects(simulator: Simulator, sick: Kube) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "only-here"}}
    sick.create("/api/v1/namespaces/default/configmaps", body)
    well = _kube(simulator, "well")
    assert well.get("/api/v1/namespaces/default/configmaps/only-here").code == 404
    well.close()


def test_one_cluster_s_token_does_not_open_another(simulator: Simulator) -> None:
    wrong = Kube("well", simulator.url("well"), simulator.authority.decode(), simulator.token("sick"))
    assert wrong.get("/version").code == 401
    wrong.close()


def _admin(simulator: Simulator, token: str = "") -> httpx.Client:
    context = ssl.create_default_context(cadata=simulator.authority.decode())
    headers = {"Authorization": f"Bearer {token or simulator.admin_token}"}
    return httpx.Client(base_url=simulator.admin_url, verify=context, headers=headers)


def test_the_admin_endpoints_need_their_own_token(simulator: Simulator) -> None:
    with _admin(simulator, simulator.token("sick")) as admin:
        assert admin.get("/clusters").status_code == 401


def test_clusters_come_and_go_by_the_admin_endpoints(simulator: Simulator) -> None:
    with _admin(simulator) as admin:
        token = admin.post("/clusters", json={"name": "fresh"}).json()["token"]
        fresh = Kube("fresh", simulator.url("fresh"), simulator.authority.decode(), token)
        assert fresh.get("/readyz").code == 200
        admin.delete("/clusters/fresh")
        assert fresh.get("/readyz").code == 404
        fresh.close()


def test_faults_and_identity_are_set_by_the_admin_endpoints(simulator: Simulator, sick: Kube) -> None:
    identity = "/api/v1/namespaces/kube-system"
    before = sick.get(identity).metadata["uid"]
    with _admin(simulator) as admin:
        assert admin.post("/clusters/sick/faults", json={"kind": "error", "count": 1}).json()["faults"] == ["error"]
        assert sick.get("/version").code == 500
        assert admin.post("/clusters/sick/faults", json={"kind": "nonsense"}).status_code == 400
        after = admin.post("/clusters/sick/identity").json()["uid"]
    assert sick.get(identity).metadata["uid"] == after != before


def test_the_program_writes_private_kubeconfigs_and_ends_on_sigterm(tmp_path: Path) -> None:
    folder = tmp_path / "kubeconfigs"
    command = [sys.executable, "-m", "simulator", "--clusters", "eu-1,eu-2", "--kubeconfig-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "2 clusters at https://127.0.0.1:" in process.stdout.readline()
        assert sorted(path.name for path in folder.iterdir()) == ["admin.json", "eu-1.kubeconfig", "eu-2.kubeconfig"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        access = json.loads((folder / "admin.json").read_text())
        document = yaml.safe_load((folder / "eu-1.kubeconfig").read_text())
        token = document["users"][0]["user"]["token"]
        kube = Kube("eu-1", document["clusters"][0]["cluster"]["server"], access["certificateAuthority"], token)
        _until_ready(kube)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 2
        kube.close()


def _until_ready(kube: Kube) -> None:
    for _ in range(500):
        try:
            assert kube.get("/readyz").code == 200
        except httpx.TransportError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("the program did not answer")
