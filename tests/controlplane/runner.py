"""Runs control planes: one etcd, and an API server with a prefix of its own for each cluster."""

from __future__ import annotations

import base64
import secrets
import signal
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.controlplane.build import STAGES, require
from tests.controlplane.certs import Certificates, make_certificates
from tests.controlplane.process import Process, StartError
from tests.fixtures.ports import free_port

READY_WITHIN = 90
"""Seconds; a busy machine with two cores needed 13."""
NODE = "node-1"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Those that a cluster has from its start."""

TOOLS_OF_LIFE = ("kube-controller-manager", "kube-scheduler", "kwok", STAGES)


class Workloads(Enum):
    """Whether workloads come to life."""

    INERT = "inert"
    """Objects are stored and guarded, no more: enough for apply, conflicts, CRDs and RBAC."""
    LIVE = "live"
    """Controller-manager, scheduler and kwok: Deployments become available, namespaces go away."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Which programs it takes."""
        inert = ("etcd", "kube-apiserver")
        return inert if self is Workloads.INERT else (*inert, *TOOLS_OF_LIFE)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One running cluster and how to reach it as its administrator."""

    name: str
    server: str
    ca: str
    token: str

    def kubeconfig(self, token: str | None = None) -> dict[str, Any]:
        """Return a kubeconfig with everything inline; of another user where ``token`` is given."""
        ca = base64.b64encode(self.ca.encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": {"server": self.server, "certificate-authority-data": ca}}],
            "users": [{"name": "user", "user": {"token": token or self.token}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": "user"}}],
            "current-context": self.name,
        }

    def write_kubeconfig(self, path: Path, token: str | None = None) -> Path:
        """Write ``kubeconfig`` to a file that only its owner reads, and return the path."""
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(self.kubeconfig(token)))
        return path

    def client(self, token: str | None = None) -> httpx.Client:
        """Return an HTTP client of the API server."""
        context = ssl.create_default_context(cadata=self.ca)
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=self.server, verify=context, headers=headers, timeout=15)


class ControlPlanes:
    """Starts and ends clusters in one folder.

    Args:
        folder: for data, keys and logs; removed by the caller.
        workloads: whether workloads come to life.

    Raises:
        MissingToolsError: a program is neither given nor built.
    """

    def __init__(self, folder: Path, workloads: Workloads = Workloads.INERT) -> None:
        self._folder = folder
        self.workloads = workloads
        self._programs = {name: require(name) for name in workloads.needs}
        self._certificates: Certificates = make_certificates(folder)
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self._etcd = self._make_etcd()
        self._servers: dict[str, Process] = {}
        self._controllers: dict[str, list[Process]] = {}
        self.clusters: dict[str, ControlPlane] = {}

    @property
    def etcd_url(self) -> str:
        """Where etcd listens."""
        return self._etcd_url

    def start(self, names: Sequence[str]) -> None:
        """Start etcd and a cluster for each name; returns once all are ready.

        Raises:
            StartError: one did not become ready; nothing is left running.
        """
        try:
            self._etcd.start()
            self._etcd.await_ready(lambda: _answers(f"{self._etcd_url}/health"), within=READY_WITHIN)
            for name in names:
                self._add(name)
                self._servers[name].start()
            for name in names:
                self._await_server(name)
                for controller in self._controllers[name]:
                    controller.start()
            for name in names:
                self._await_controllers(name)
        except BaseException:
            self.stop()
            raise

    def stop_cluster(self, name: str) -> None:
        """End a cluster's programs as an operator would; its data stay in etcd."""
        for process in (*self._controllers[name], self._servers[name]):
            process.stop()

    def kill_cluster(self, name: str) -> None:
        """End a cluster's programs at once, as a failing machine would; its data stay in etcd."""
        for process in (*self._controllers[name], self._servers[name]):
            process.kill()

    def start_cluster(self, name: str) -> None:
        """Start what does not run of a cluster, at its old address; returns once it is ready."""
        self._servers[name].signal(signal.SIGCONT)
        self._servers[name].start()
        self._await_server(name)
        for controller in self._controllers[name]:
            controller.start()
        self._await_controllers(name)

    def is_whole(self, name: str) -> bool:
        """Whether all programs of a cluster run (one that is frozen counts)."""
        return all(process.running for process in (self._servers[name], *self._controllers[name]))

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Hold a cluster's API server still: connections are taken, nothing is answered."""
        server = self._servers[name]
        server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.signal(signal.SIGCONT)

    def pids(self) -> dict[str, int]:
        """Return the process id of every running program, by name."""
        return {process.name: process.pid for process in self._processes() if process.running}

    def stop(self) -> None:
        """End everything at once; the data are for throwing away."""
        for process in self._processes():
            process.kill()

    def _processes(self) -> Iterator[Process]:
        for name, server in self._servers.items():
            yield from self._controllers[name]
            yield server
        yield self._etcd

    def _process(self, program: str, arguments: Sequence[str], *, cluster: str) -> Process:
        name = f"{cluster}-{program}" if cluster else program
        return Process(name, (str(self._programs[program]), *arguments), self._folder / f"{name}.log")

    def _make_etcd(self) -> Process:
        peer = f"http://127.0.0.1:{free_port()}"
        arguments = (
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return self._process("etcd", arguments, cluster="")

    def _add(self, name: str) -> None:
        folder = self._folder / name
        folder.mkdir()
        token = secrets.token_hex(16)
        tokens = folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{token},admin,admin,system:masters\n")
        port = free_port()
        self.clusters[name] = ControlPlane(name, f"https://127.0.0.1:{port}", self._certificates.ca, token)
        arguments = self._server_arguments(name, port, tokens)
        self._servers[name] = self._process("kube-apiserver", arguments, cluster=name)
        self._controllers[name] = [
            self._process(program, arguments, cluster=name)
            for program, arguments in self._controller_arguments(name).items()
        ]

    def _server_arguments(self, name: str, port: int, tokens: Path) -> tuple[str, ...]:
        keys = self._certificates
        return (
            f"--etcd-servers={self._etcd_url}",
            f"--etcd-prefix=/{name}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self._folder / name}",
            f"--tls-cert-file={keys.certificate}",
            f"--tls-private-key-file={keys.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys.service_account_key}",
            f"--service-account-signing-key-file={keys.service_account_key}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--service-cluster-ip-range=10.0.0.0/16",
        )

    def _controller_arguments(self, name: str) -> dict[str, tuple[str, ...]]:
        if self.workloads is Workloads.INERT:
            return {}
        kubeconfig = self.clusters[name].write_kubeconfig(self._folder / name / "admin.kubeconfig")
        common = (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0")
        return {
            "kube-controller-manager": (
                *common,
                f"--service-account-private-key-file={self._certificates.service_account_key}",
                # A node must not be given up because a test froze its API server.
                "--controllers=*,-node-lifecycle-controller",
            ),
            "kube-scheduler": common,
            "kwok": (
                f"--kubeconfig={kubeconfig}",
                "--manage-all-nodes=true",
                f"--config={self._programs[STAGES]}",
                "--server-address=",
            ),
        }

    def _await_server(self, name: str) -> None:
        with self.clusters[name].client() as client:
            self._servers[name].await_ready(lambda: _is_ready(client), within=READY_WITHIN)

    def _await_controllers(self, name: str) -> None:
        if not self._controllers[name]:
            return
        manager, scheduler, kwok = self._controllers[name]
        with self.clusters[name].client() as client:
            manager.await_ready(lambda: _is_settled(client), within=READY_WITHIN)
            kwok.await_ready(lambda: _has_node(client), within=READY_WITHIN)
        if not scheduler.running:
            raise StartError(scheduler.complaint())


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _is_ready(client: httpx.Client) -> bool:
    """Whether the API server is ready and has made what every cluster has."""
    paths = ("/readyz", *(f"/api/v1/namespaces/{namespace}" for namespace in NAMESPACES))
    with suppress(httpx.HTTPError):
        return all(client.get(path, timeout=2).is_success for path in paths)
    return False


def _is_settled(client: httpx.Client) -> bool:
    """Whether the controllers have made what they add to every cluster."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin"
    with suppress(httpx.HTTPError):
        return bool(client.get(path).json().get("rules")) and all(
            client.get(f"/api/v1/namespaces/{namespace}/{made}").is_success
            for namespace in NAMESPACES
            for made in ("serviceaccounts/default", "configmaps/kube-root-ca.crt")
        )
    return False


def _has_node(client: httpx.Client) -> bool:
    """Whether the cluster has a node that is ready; one is made where there is none."""
    with suppress(httpx.HTTPError):
        answer = client.get(f"/api/v1/nodes/{NODE}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            answer = client.post("/api/v1/nodes", json=_node())
        conditions = answer.json().get("status", {}).get("conditions", [])
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return False


def _node() -> dict[str, Any]:
    capacity = {"cpu": "64", "memory": "256Gi", "pods": "5000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }
