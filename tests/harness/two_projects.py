"""A hub of two projects, with one of everything that each can have: what one may not see of the other.

Whatever is the other's holds a word that stands nowhere else, so that no answer can give it away unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, update

from common.domain.refs import RunId
from common.store.engine.session import Database
from common.store.schema.tables import (
    ApprovalRow,
    AttemptRow,
    AuditRow,
    ClusterRow,
    CommitRow,
    FaultRow,
    IntentRow,
    InventoryRow,
    ObjectResultRow,
    PlacementRow,
    PlacementSourceRow,
    RunRow,
    SourceDigestRow,
    SourceRow,
)
from common.store.state import fleet, users
from tests.harness import texts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINE, THEIRS = "pay", "ghost"
SHARED = "shared"
"""A cluster that both are placed on."""
COMMITS = {MINE: "ab12" * 10, THEIRS: "90057" * 8}
DIGESTS = {MINE: "cd" * 32, THEIRS: "9057feed" * 8}
_RUN = "0199{0}0{1}0-0000-7000-8000-{0}{1}0000000000"
REGISTRY = "fa" * 20
CANARIES = ("ghost", "90057", "9057feed")
"""None of them is in an answer to who may not read ``THEIRS``."""


@dataclass(frozen=True, slots=True)
class Names:
    """What one project has, by which requests name it."""

    project: str
    application: str
    cluster: str
    run: str
    commit: str
    approval: int
    intent: int
    user: int

    def path(self, route: str, cluster: str = SHARED) -> str:
        """Return the path of a route about this project's things."""
        values = {
            "cluster": cluster,
            "application": self.application,
            "other_cluster": self.cluster,
            "other_application": self.application,
            "run_id": self.run,
            "name": self.commit,
            "approval_id": self.approval,
            "intent_id": self.intent,
            "user_id": self.user,
        }
        return route.replace(":path}", "}").format(**values)


def _declared(project: str) -> str:
    return (
        f"kind: Application\nmetadata: {{name: {project}-app}}\nspec:\n"
        f"  source: {{repo: 'https://git.example.com/{project}.git', ref: {{branch: main}}}}\n"
        f"  project: {project}\n  namespace: {project}\n  values: {{owner: {project}-team}}\n"
        f"  targets: [{{name: all, select: "
        f"{{matchExpressions: [{{key: only, operator: In, values: [{project}-label, both]}}]}}}}]\n"
    )


def _shown(project: str, *, badges: bool) -> str:
    url = f"https://{project}-logs.example.com/?q=${{cluster}}/${{namespace}}/${{application}}"
    return f"  links: [{{name: {project} logs, url: '{url}'}}]\n  badges: {str(badges).lower()}\n"


def _registry(public: str) -> dict[str, str]:
    here = {project: f"{project}-land" for project in (MINE, THEIRS)}
    labels = "  labels: {env: [dev, prod], region: [eu, us], only: [both, pay-label, ghost-label]}\n"
    clusters = [
        f"kind: Cluster\nmetadata: {{name: {name}, labels: {{env: prod, region: eu, only: {only}}}}}\n"
        f"spec: {{server: 'https://{name}.example.com', credentials: {{secretRef: clusters/{name}}}}}\n"
        for name, only in ((SHARED, "both"), (here[MINE], "pay-label"), (here[THEIRS], "ghost-label"))
    ]
    return {
        "fleet.yaml": f"kind: Fleet\nmetadata: {{name: acme}}\nspec:\n{labels}",
        "clusters.yaml": texts.documents(*clusters),
        "projects.yaml": texts.documents(
            *(texts.project(name, more=_shown(name, badges=name == public)) for name in (MINE, THEIRS))
        ),
        **{f"teams/{project}/app.yaml": _declared(project) for project in (MINE, THEIRS)},
    }


def fill(database: Database, *, public: str = "") -> dict[str, Names]:
    """Fill a hub's database; return what each of the two projects has, by its name; ``public`` shows its badges."""
    with database.write() as connection:
        fleet.fix_name(connection, "acme", now=NOW)
        documents = texts.in_order(_registry(public)).documents.to_json()
        snapshot = fleet.put_in_force(connection, REGISTRY, documents, now=NOW)
        fleet.note_checked(connection, now=NOW)
        for cluster in (SHARED, f"{MINE}-land", f"{THEIRS}-land"):
            _cluster(connection, cluster)
        _fault(connection, "registry", "", {"message": "ghosts in the registry"})
        _approval(connection, "fleet", "", THEIRS)
        _note(connection, None, REGISTRY, "words of ghosts in the registry")
        return {
            project: _project(connection, project, number, snapshot) for number, project in enumerate((MINE, THEIRS))
        }


def _cluster(connection: Connection, name: str) -> None:
    values = {
        "name": name, "declared": True, "state": "active", "pool": "default", "credentials": f"clusters/{name}",
        "server": f"https://ghost-server.{name}.example.com", "reachable": False, "error_code": "cluster.unreachable",
        "error_params": {"message": "no route to ghost-server"}, "blocked_code": "cluster.identity",
        "blocked_params": {"uid": "ghost-uid", "known": "ghost-uid"}, "credentials_expire_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    connection.execute(insert(ClusterRow).values(values))


def _fault(connection: Connection, about: str, project: str, params: Mapping[str, Any]) -> None:
    values = {
        "scope": about, "project": project, "digest": about.ljust(64, "0")[:64], "code": "registry.invalid",
        "file": f"teams/{project or THEIRS}/app.yaml", "line": 3, "params": dict(params), "commit": REGISTRY,
        "first_seen_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    connection.execute(insert(FaultRow).values(values))


def _approval(connection: Connection, subject: str, project: str, words: str) -> int:
    values = {
        "kind": "prune" if project else "leaving", "subject": subject, "project": project, "digest": DIGESTS[words],
        "payload": {"objects": [f"apps/Deployment:{words}/{words}"]}, "state": "open", "created_at": NOW,
    }  # fmt: skip
    return int(connection.execute(insert(ApprovalRow).values(values).returning(ApprovalRow.id)).scalar_one())


def _note(connection: Connection, source: int | None, commit: str, subject: str) -> None:
    values = {"source_id": source, "commit": commit, "subject": subject, "author": subject, "seen_at": NOW, "at": NOW}
    connection.execute(insert(CommitRow).values(version=f"v-{subject[:5]}", **values))


def _project(connection: Connection, project: str, number: int, snapshot: int) -> Names:
    application, repo = f"{project}-app", f"https://git.example.com/{project}.git"
    source = connection.execute(
        insert(SourceRow)
        .values(repo=repo, credentials="", ref="refs/heads/main", pool="default", used=True, commit=COMMITS[project])
        .values(due_at=NOW, error_code="source.unreachable", error_params={"message": f"no {project}"})
        .returning(SourceRow.id)
    ).scalar_one()
    digests = {"commit": COMMITS[project], "digest": DIGESTS[project], "resolved_at": NOW}
    connection.execute(insert(SourceDigestRow).values(source_id=source, application=application, **digests))
    _note(connection, source, COMMITS[project], f"{project} says so")
    runs = [
        _placement(
            connection, project, cluster, RunId(f"0199{number}0{at}0-0000-7000-8000-{number}{at}0000000000"), snapshot
        )
        for at, cluster in enumerate((SHARED, f"{project}-land"))
    ]
    ref = f"{SHARED}/{application}"
    _fault(connection, f"placement:{ref}", project, {"message": f"{project} is wrong"})
    intent = connection.execute(
        insert(IntentRow)
        .values(kind="sync", subject=ref, project=project, actor=f"{project}-person", reason=project, created_at=NOW)
        .returning(IntentRow.id)
    ).scalar_one()
    audit = {"at": NOW, "actor": f"{project}-person", "action": "sync", "subject": ref, "project": project}
    connection.execute(insert(AuditRow).values(**audit, detail={"reason": project}))
    approval = _approval(connection, ref, project, project)
    user = users.add(connection, f"{project}-person", password="", role=None, groups=(), now=NOW)
    assert user is not None
    return Names(project, application, f"{project}-land", runs[0], COMMITS[project], approval, intent, user)


def _placement(connection: Connection, project: str, cluster: str, run: RunId, snapshot: int) -> str:
    application = f"{project}-app"
    revision = {"desired_source_digest": DIGESTS[project], "desired_parameters_digest": DIGESTS[project]}
    applied = {"repo": f"https://git.example.com/{project}.git", "credentials": "", "ref": "refs/heads/main"}
    where = {"cluster": cluster, "application": application, "project": project}
    sources = [{**applied, "commit": COMMITS[project], "renderers": []}]
    placement = connection.execute(
        insert(PlacementRow)
        .values(**where, **revision, state="placed", mark=f"{project}{cluster}"[:20], applied_sources=sources)
        .values(applied_source_digest=DIGESTS[project], applied_parameters_digest=DIGESTS[project], applied_at=NOW)
        .values(sync_status="failed", health="degraded", health_at=NOW, confirmed_at=NOW, objects=1)
        .values(
            failure_code="apply.denied",
            failure_remedy="permanent",
            failure_params={"message": f"{project} may not"},
            failure_since=NOW,
        )
        .values(failure_last_at=NOW, failure_count=1, found_code="drift.found", found_params={"first": project})
        .returning(PlacementRow.id)
    ).scalar_one()
    row = {"placement_id": placement, "position": 0, **sources[0]}
    connection.execute(insert(PlacementSourceRow).values(row))
    mine = {"group": "apps", "kind": "Deployment", "namespace": project, "name": project}
    for name, wanted in ((project, True), (f"{project}-old", False)):
        item = {**mine, "name": name, "placement_id": placement, "wanted": wanted, "by_hand": f"spec.{project}"}
        connection.execute(insert(InventoryRow).values(_whole(InventoryRow, item)))
    _run(connection, RunId(run), placement, where, sources, snapshot)
    return run


def _run(
    connection: Connection,
    run: RunId,
    placement: int,
    where: Mapping[str, Any],
    sources: list[dict[str, Any]],
    snapshot: int,
) -> None:
    project = where["project"]
    revision = {"source_digest": DIGESTS[project], "parameters_digest": DIGESTS[project], "sources": sources}
    decided = {"trigger": "drift", "actor": "flotilla", "priority": 1, "queue": "default", "created_at": NOW}
    row = {"id": run, "placement_id": placement, "snapshot_id": snapshot, **where, **revision, **decided}
    connection.execute(insert(RunRow).values(row))
    attempt = {"run_id": run, "number": 1, "placement_id": placement, "worker": "w", "started_at": NOW}
    connection.execute(insert(AttemptRow).values(attempt))
    thing = {"group": "apps", "kind": "Deployment", "namespace": project, "name": project}
    result = {"run_id": run, "attempt": 1, "ordinal": 0, "action": "configured", "diff": f"+ {project}: 1"}
    connection.execute(insert(ObjectResultRow).values(**thing, **result))
    ended: dict[str, Any] = {"ended_at": NOW + timedelta(seconds=1), "outcome": "failed", "error_code": "apply.denied"}
    ended |= {"error_params": {"message": f"{project} may not"}, "counts": {"configured": 1}}
    connection.execute(update(AttemptRow).where(AttemptRow.run_id == run).values(ended))
    connection.execute(update(RunRow).where(RunRow.id == run).values(ended | {"attempts": 1, "started_at": NOW}))


def _whole(row: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with something in each column that must have it."""
    plain = {str: "", int: 0, bool: False, datetime: NOW, dict: {}, list: []}
    needed = (one for one in row.__table__.c if not one.nullable and one.default is None and one.server_default is None)
    return {**{one.name: plain[one.type.python_type] for one in needed if one.name not in given}, **given}
