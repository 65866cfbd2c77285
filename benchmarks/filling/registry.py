"""The registry of a fleet as documents in force, its clusters, and the sources that its applications follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from benchmarks.filling.loader import load
from benchmarks.filling.shape import FLEET, HOSTILE, Shape, digest
from common.registry import Documents
from common.registry.documents import Source
from common.store.schema.tables import ClusterRow, CommitRow, SourceDigestRow, SourceRow
from common.store.state import fleet

SNAPSHOT_COMMIT = digest("registry")[:40]
RENDERERS = ["kustomize 5.8.1"]
POOLS = ("default", "eu")
_VERSION = "flotilla.dev/v1"


def repository(source: int, shape: Shape) -> str:
    """Return the address of a source's repository."""
    return f"https://git.example.com/{shape.projects[source - 1]}/deploy.git"


def documents(shape: Shape) -> Documents:
    """Return the documents of the fleet: what the registry's parser takes, and nothing that it finds a fault in."""
    sources = [_source(kind, name, file, value) for kind, name, file, value in _documents(shape)]
    return Documents({one.key: one for one in sources})


def _source(kind: str, name: str, file: str, value: dict[str, Any]) -> Source:
    document = {"apiVersion": _VERSION, "kind": kind, **value}
    return Source(kind, name, file, 1, orjson.dumps(document).decode())


def _documents(shape: Shape) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    vocabulary = {"env": ["prod", "staging", "dev"], "region": ["eu", "us", "ap"], "wave": "*"}
    yield "Fleet", FLEET, "fleet.yaml", {"metadata": {"name": FLEET}, "spec": {"labels": vocabulary}}
    for project in shape.projects:
        allowed: dict[str, Any] = {"paths": [f"teams/{project}/**"], "repos": [f"https://git.example.com/{project}/*"]}
        allowed |= {"clusters": {"all": True}, "namespaces": {"allow": ["*"]}}
        yield "Project", project, f"projects/{project}.yaml", {"metadata": {"name": project}, "spec": allowed}
    for number, name in enumerate(shape.cluster_names):
        meta = {"name": name, "labels": shape.labels(number)}
        spec: dict[str, Any] = {
            "server": f"https://{name}.example.com:6443",
            "credentials": {"secretRef": f"clusters/{name}"},
        }
        spec["pool"] = POOLS[number % 2]
        yield "Cluster", name, f"clusters/{name}.yaml", {"metadata": meta, "spec": spec}
    for number, name in enumerate(shape.application_names):
        source = {"repo": repository(number % len(shape.projects) + 1, shape), "path": name, "ref": {"branch": "main"}}
        spec = {"project": shape.project(number), "source": source, "namespace": name}
        spec["targets"] = [{"name": "everywhere", "select": {"all": True}}]
        file = f"teams/{shape.project(number)}/{name}.yaml"
        yield "Application", name, file, {"metadata": {"name": name}, "spec": spec}


def fill(connection: Connection, shape: Shape) -> int:
    """Add the fleet, its clusters and sources; return the number of the snapshot in force."""
    now = shape.now
    fleet.fix_name(connection, FLEET, now=shape.begin)
    snapshot = fleet.put_in_force(connection, SNAPSHOT_COMMIT, documents(shape).to_json(), now=now)
    fleet.note_commit(connection, SNAPSHOT_COMMIT)
    fleet.note_checked(connection, now=now)
    _clusters(connection, shape)
    _sources(connection, shape, snapshot)
    _commits(connection, shape)
    return snapshot


def is_away(number: int) -> bool:
    """Return whether a cluster, by its place among the names, does not answer."""
    return number % 50 == 7


def _clusters(connection: Connection, shape: Shape) -> None:
    columns = (
        "name", "declared", "state", "pool", "server", "credentials", "identity", "blocked_code", "blocked_params",
        "reachable", "error_code", "error_params", "version", "last_seen_at", "swept_at", "credentials_expire_at",
    )  # fmt: skip
    load(connection, ClusterRow, columns, (_cluster(shape, *one) for one in enumerate(shape.cluster_names)))


def _cluster(shape: Shape, number: int, name: str) -> tuple[Any, ...]:
    away, blocked = is_away(number), number % 100 == 11
    error = {"message": f"connect to {name}.example.com:6443: i/o timeout {HOSTILE[number % len(HOSTILE)][:80]}"}
    seen = shape.now - (timedelta(hours=3) if away else timedelta(seconds=number % 240))
    was = {"identity": f"new-{number}", "was": f"uid-{number}"}
    return (
        name, True, "frozen" if number % 100 == 13 else "active", POOLS[number % 2], f"https://{name}.example.com:6443",
        f"clusters/{name}", f"uid-{number}", "cluster.identity-changed" if blocked else "", was if blocked else None,
        not away, "cluster.unreachable" if away else "", error if away else None, f"v1.3{number % 5}.2", seen, seen,
        shape.now + timedelta(days=3 + number) if number % 4 == 0 else None,
    )  # fmt: skip


def _sources(connection: Connection, shape: Shape, snapshot: int) -> None:
    columns = (
        "id", "repo", "credentials", "ref", "pool", "used", "commit", "resolved_snapshot_id", "resolved_at",
        "checked_at", "due_at",
    )  # fmt: skip
    now = shape.now
    rows = (
        (
            n,
            repository(n, shape),
            "",
            "refs/heads/main",
            "default",
            True,
            shape.commit(n, shape.commits - 1),
            snapshot,
            now,
            now,
            now + timedelta(minutes=5),
        )
        for n, _ in enumerate(shape.projects, 1)
    )
    load(connection, SourceRow, columns, rows)
    digests = ("source_id", "application", "commit", "digest", "renderers", "resolved_at")
    last = shape.commits - 1
    resolved = (
        (
            at % len(shape.projects) + 1,
            name,
            shape.commit(at % len(shape.projects) + 1, last),
            digest(f"{name}/{last}"),
            RENDERERS,
            now,
        )
        for at, name in enumerate(shape.application_names)
    )
    load(connection, SourceDigestRow, digests, resolved)


def _commits(connection: Connection, shape: Shape) -> None:
    columns = ("source_id", "commit", "version", "at", "author", "subject", "seen_at")
    every = (shape.now - shape.begin) / shape.commits
    authors = ("Ada Lovelace", "Grace Hopper", "Linus <b>T</b>", "=cmd|' /C calc'!A0", "renovate[bot]")
    verbs = ("Bump", "Fix", "Roll out", "Revert", "Tune")

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(shape.commits):
            at = shape.begin + every * number
            for source, project in enumerate(shape.projects, 1):
                odd = number % 20 == 3
                subject = HOSTILE[number % len(HOSTILE)][:290] if odd else f"{verbs[number % 5]} {project} #{number}"
                version = f"v1.{number // 10}.{source}" if number % 10 == 0 else ""
                author = authors[(number + source) % len(authors)]
                yield source, shape.commit(source, number), version, at, author, subject, at + timedelta(seconds=20)

    load(connection, CommitRow, columns, rows())
