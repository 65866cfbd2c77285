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

from tests.controlplane.build import STAGES, cache, require
from tests.controlplane.certs import Certificates, make_certificates
from tests.controlplane.process import Process, free_port

READY_WITHIN = 90
NODE = "node-1"


class Workloads(Enum):
    """Whether workloads come to life."""

    INERT = "inert"
    """Objects are stored and guarded, no more: enough for apply, conflicts, CRDs and RBAC."""
    LIVE = "live"
    """Controller-manager, scheduler and kwok: Deployments become available, namespaces go away."""


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
    """

    def __init__(self, folder: Path, workloads: Workloads = Workloads.INERT) -> None:
        self._folder = folder
        self._workloads = workloads
        self._certificates: Certificates = make_certificates(folder)
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self._etcd = self._make_etcd()
        self._processes: dict[str, list[Process]] = {}
        self.clusters: dict[str, ControlPlane] = {}

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _make_etcd(self) -> Process:
        peer = f"http://127.0.0.1:{free_port()}"
        argv = (
            str(require("etcd")),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return Process("etcd", argv, self._log("etcd"))

    @property
    def etcd_url(self) -> str:
        """Where etcd listens."""
        return self._etcd_url

    def start(self, names: Sequence[str]) -> None:
        """Start etcd and a cluster for each name; returns once all are ready."""
        self._etcd.start()
        self._etcd.await_ready(lambda: _answers(f"{self._etcd_url}/health"), within=READY_WITHIN)
        for name in names:
            self._add(name)
        for name in names:
            self._await(name)
        if self._workloads is Workloads.LIVE:
            for name in names:
                self._enliven(name)

    def _add(self, name: str) -> None:
        folder = self._folder / name
        folder.mkdir()
        token = secrets.token_hex(16)
        tokens = folder / "tokens.csv"
        tokens.write_text(f"{token},admin,admin,system:masters\n")
        port = free_port()
        self.clusters[name] = ControlPlane(name, f"https://127.0.0.1:{port}", self._certificates.ca, token)
        server = Process(f"kube-apiserver {name}", self._api_server(name, port, tokens), self._log(name))
        self._processes[name] = [server]
        server.start()

    def _api_server(self, name: str, port: int, tokens: Path) -> tuple[str, ...]:
        keys = self._certificates
        return (
            str(require("kube-apiserver")),
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

    def _await(self, name: str) -> None:
        cluster = self.clusters[name]
        with cluster.client() as client:
            self._processes[name][0].await_ready(lambda: _is_ready(client), within=READY_WITHIN)

    def _enliven(self, name: str) -> None:
        cluster = self.clusters[name]
        kubeconfig = cluster.write_kubeconfig(self._folder / name / "admin.kubeconfig")
        commands = {
            "kube-controller-manager": (
                f"--kubeconfig={kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials=false",
                f"--service-account-private-key-file={self._certificates.service_account_key}",
                "--concurrent-gc-syncs=5",
            ),
            "kube-scheduler": (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"),
            "kwok": (
                f"--kubeconfig={kubeconfig}",
                "--manage-all-nodes=true",
                f"--config={cache() / STAGES}",
                "--server-address=",
            ),
        }
        for program, arguments in commands.items():
            process = Process(f"{program} {name}", (str(require(program)), *arguments), self._log(f"{name}-{program}"))
            self._processes[name].append(process)
            process.start()
        with cluster.client() as client:
            client.post("/api/v1/nodes", json=_node()).raise_for_status()

    def stop_cluster(self, name: str) -> None:
        """End a cluster's processes; its data stay in etcd."""
        for process in reversed(self._processes[name]):
            process.stop()

    def start_cluster(self, name: str) -> None:
        """Start a stopped cluster again where it was."""
        for process in self._processes[name]:
            process.start()
        self._await(name)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Hold a cluster's API server still: connections are taken, nothing is answered."""
        server = self._processes[name][0]
        server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.signal(signal.SIGCONT)

    def pids(self) -> dict[str, int]:
        """Return the process id of every running program, by name."""
        every = [self._etcd, *(p for processes in self._processes.values() for p in processes)]
        return {process.name: process.pid for process in every}

    def stop(self) -> None:
        """End everything."""
        for name in reversed(self._processes):
            with suppress(ProcessLookupError):
                self.stop_cluster(name)
        self._etcd.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _is_ready(client: httpx.Client) -> bool:
    """Whether the API server is ready and has made what every cluster has."""
    with suppress(httpx.HTTPError):
        needed = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system")
        return all(client.get(path).is_success for path in needed)
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
