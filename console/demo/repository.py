"""The demo's Git repository: written from the sample fleet, committed, and served over loopback HTTP."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

REGIONS = ("eu", "us", "ap")
PER_REGION = 4
_CONFIG = {
    "user.name": "Flotilla demo",
    "user.email": "demo@example.com",
    # whatever a person has set for their own commits
    "commit.gpgSign": "false",
    "core.hooksPath": "/dev/null",
    "core.autocrlf": "false",
}
"""Set in the repository, so that anybody can commit there, on a machine where Git was never used."""
_CLUSTER = """\
---
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {{name: {name}, labels: {{env: {env}, region: {region}}}}}
spec:
  server: {server}
  credentials: {{secretRef: clusters/{name}}}
  pool: {pool}
  vars: {{domain: {name}.example.com}}
"""


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """One cluster of the sample fleet."""

    name: str
    region: str
    env: str


def demo_clusters() -> tuple[DemoCluster, ...]:
    """Return 12 clusters in 3 regions; the first of each region is for development."""
    return tuple(
        DemoCluster(f"{region}-{n}", region, "dev" if n == 1 else "prod")
        for region in REGIONS
        for n in range(1, PER_REGION + 1)
    )


def write_repository(
    folder: Path, *, url: str, servers: Mapping[str, str], clusters: tuple[DemoCluster, ...], leave_out: frozenset[str]
) -> None:
    """Write the sample fleet into ``folder`` and commit it there.

    Args:
        folder: made new; its ``.git`` is what the demo's Git server serves, so that a commit is all it takes.
        url: where applications say the repository is.
        servers: URL of each cluster's API server.
        clusters: which to declare.
        leave_out: files of the registry not to write (nothing on this machine can render them).
    """
    folder.mkdir(parents=True)
    _copy(files("console.demo") / "fleet", folder, url=url, leave_out=leave_out)
    documents = [
        _CLUSTER.format(name=c.name, env=c.env, region=c.region, server=servers[c.name], pool="default")
        for c in clusters
    ]
    (folder / "registry" / "clusters.yaml").write_text("".join(documents))
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    for name, value in _CONFIG.items():
        git(folder, "config", name, value)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Declare the fleet")


def _copy(source: Traversable, target: Path, *, url: str, leave_out: frozenset[str]) -> None:
    for entry in source.iterdir():
        if entry.name in leave_out:
            continue
        if entry.is_dir():
            (target / entry.name).mkdir()
            _copy(entry, target / entry.name, url=url, leave_out=leave_out)
        else:
            (target / entry.name).write_text(entry.read_text().replace("@REPO@", url))


def git(folder: Path, *arguments: str) -> str:
    """Run git in ``folder`` and return what it printed.

    Raises:
        subprocess.CalledProcessError: git refused.
    """
    done = subprocess.run(("git", "-C", str(folder), *arguments), check=True, capture_output=True, text=True)
    return done.stdout
