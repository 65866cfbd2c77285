"""A fleet with some things wrong, as the API gives it: what the pages show in their examples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common.domain.events import Event, EventKind, Position, sentence
from tests.fixtures.api import EMPTY_STATUS

COMMIT = "3f9c1d2e" + "0" * 32
OLDER = "a41b7702" + "0" * 32
REFUSED = (
    'Deployment shop/web was refused: spec.template.spec.containers[0].resources.requests: Invalid value: "2":\n'
    "must be less than or equal to cpu limit of 1. Correct the manifest and commit."
)


def _ago(**amount: float) -> str:
    # Some seconds more, so that no example changes while it is made.
    return (datetime.now(UTC) - timedelta(**amount) - timedelta(seconds=20)).isoformat()


def _cluster(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "declared": True,
        "state": "active",
        "pool": "default",
        "server": f"https://{name}.example.com",
        "reachable": True,
        "blocked": "",
        "error": "",
        "version": "v1.33.4",
        "last_seen_at": _ago(minutes=1),
        "swept_at": _ago(minutes=1),
        "credentials_expire_at": None,
        "placements": 12,
        "synced": 12,
        **more,
    }


def _sources(commit: str) -> list[dict[str, Any]]:
    return [{"position": 0, "repo": "", "ref": "", "revision": commit, "renderers": []}]


def _placement(ref: str, sync: str, health: str, **more: Any) -> dict[str, Any]:
    cluster, _, application = ref.partition("/")
    return {
        "ref": ref,
        "cluster": cluster,
        "application": application,
        "state": "placed",
        "sync": sync,
        "confirmed_at": _ago(minutes=2),
        "health": health,
        "health_reason": "",
        "health_reason_code": "",
        "health_reason_params": {},
        "health_at": _ago(minutes=2),
        "reason": "",
        "hold": "",
        "hold_code": "",
        "hold_params": {},
        "found": "",
        "found_code": "",
        "found_params": {},
        "contact": "",
        "contact_code": "",
        "contact_params": {},
        "commit": COMMIT,
        "desired_commit": COMMIT,
        "sources": _sources(more.get("commit", COMMIT)),
        "desired_sources": _sources(COMMIT),
        "applied_at": _ago(minutes=2),
        "objects": 9,
        "paused_by": "",
        "paused_at": None,
        "pause_reason": "",
        "failure": None,
        **more,
    }


def _run(number: int, ref: str, outcome: str, age: timedelta, **more: Any) -> dict[str, Any]:
    created = datetime.now(UTC) - age - timedelta(seconds=20)
    return {
        "id": f"01a2{number:04x}-7b1c-7000-8000-{number * 0x9E3779B97F4A % (1 << 48):012x}",
        "ref": ref,
        "trigger": "revision",
        "actor": "flotilla",
        "cause": "a new revision",
        "cause_code": "cause.new-revision",
        "cause_params": {},
        "state": "ended",
        "outcome": outcome,
        "reason": "",
        "error_code": "",
        "error": "",
        "commit": COMMIT,
        "sources": _sources(more.get("commit", COMMIT)),
        "manifest_digest": "",
        "attempts": 1,
        "counts": {"configured": 2, "unchanged": 7},
        "created_at": created.isoformat(),
        "started_at": created.isoformat(),
        "ended_at": (created + timedelta(seconds=1.4)).isoformat(),
        **more,
    }


FAILED = {"error_code": "apply.invalid", "error": REFUSED, "counts": {"failed": 1, "unchanged": 8}, "trigger": "retry"}


def _events() -> list[dict[str, Any]]:
    told = (
        (41, EventKind.CLUSTER_LOST, "us-prod-02", "cluster.timeout", {"version": "v1.33.4"}, ""),
        (12, EventKind.APPROVAL_ASKED, "eu-prod-02/web", "open", {"approval": 7, "asks": "prune"}, ""),
        (8, EventKind.FAULT_RAISED, "registry", "registry.fault", {"file": "teams/shop/web.yaml", "line": 9}, ""),
        (6, EventKind.REVISION_RESOLVED, "shop", "", {"commit": COMMIT}, ""),
        (5, EventKind.RUN_ENDED, "eu-prod-01/payments", "", _run_params("succeeded", "manual", 4.2), "operator"),
        (4, EventKind.HEALTH_CHANGED, "eu-prod-01/payments", "degraded", {"was": "healthy"}, ""),
        (2, EventKind.RUN_ENDED, "eu-prod-03/shop", "apply.refused", _run_params("failed", "revision", 1.3), ""),
    )
    return [
        {
            "at": _ago(minutes=ago),
            "kind": kind.value,
            "subject": subject,
            "actor": actor or "flotilla",
            "sentence": sentence(
                Event(Position(), datetime.now(UTC), kind, subject, "", "", "", code, params, None, actor)
            ),
        }
        for ago, kind, subject, code, params, actor in told
    ]


def _run_params(outcome: str, trigger: str, seconds: float) -> dict[str, Any]:
    return {"outcome": outcome, "trigger": trigger, "seconds": seconds}


def answers() -> Mapping[str, Any]:
    """Return what the API of the fleet answers now."""
    failed = f"{REFUSED} 12 times since 38 min ago"
    silent = "no answer within the time limit"
    placements = [
        _placement("eu-prod-03/shop", "failed", "healthy", commit=OLDER, reason=failed),
        _placement("eu-prod-01/payments", "synced", "degraded", health_reason="Deployment pay/api: 1 of 3 ready"),
        _placement("us-prod-02/shop", "unknown", "unknown", reason=silent, confirmed_at=_ago(minutes=41)),
    ]
    approval = {"id": 7, "kind": "prune", "subject": "eu-prod-02/web", "created_at": _ago(minutes=12)}
    approval["reason"] = "14 objects would be removed, more than maxObjects 10"
    fault = {"scope": "registry", "code": "registry.fault", "file": "teams/shop/web.yaml", "line": 9}
    fault |= {"what": "unknown key 'spec.targets[0].selekt'", "remedy": "did you mean 'select'?"}
    runs = [
        *(_run(40 - n, "eu-prod-03/shop", "failed", timedelta(minutes=2 + n * 3), **FAILED) for n in range(12)),
        _run(20, "us-prod-01/web", "succeeded", timedelta(minutes=4)),
        _run(19, "eu-prod-01/payments", "succeeded", timedelta(minutes=5), trigger="manual", actor="operator"),
        _run(18, "eu-prod-03/shop", "succeeded", timedelta(hours=3), commit=OLDER),
    ]
    return {
        "status": {
            **EMPTY_STATUS,
            "fleet": {"name": "acme", "commit": COMMIT, "seen_commit": COMMIT, "checked_at": _ago(minutes=1)},
            "clusters": {"reachable": 7, "unreachable": 1},
            "sync": {"synced": 94, "failed": 1, "unknown": 1},
            "health": {"healthy": 94, "degraded": 1, "unknown": 1},
            "paused": 1,
            "faults": [{**fault, "commit": COMMIT, "first_seen_at": _ago(minutes=8), "last_seen_at": _ago(minutes=1)}],
            "approvals": [approval],
        },
        "clusters": [_cluster("us-prod-02", reachable=False, error=silent, last_seen_at=_ago(minutes=41), synced=11)],
        "placements": {"items": placements, "after": ""},
        "problems": {"items": [{"placement": one, "count": 1, "refs": [one["ref"]]} for one in placements], "more": 0},
        "events": {"items": _events(), "after": "9.x"},
        "runs": {"items": runs, "after": ""},
    }
