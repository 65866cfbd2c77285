"""Sentences of why an object, or a placement by the worst of its objects, has its health."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain.catalogue import Params
from common.domain.health_codes import HealthReason


def _condition(params: Params) -> str:
    return _joined(params, "reason", "message") or str(params["type"])


def _replicas(params: Params) -> str:
    return f"{params['count']} of {params['wanted']} {params['of']} {params['state']}"


def _guessed(params: Params) -> str:
    guess = f"a guess, by its {params.get('field', 'status')}: {params.get('word', '')}"
    return f"{guess}: {params['message']}" if params.get("message") else guess


def _no_rule(params: Params) -> str:
    if params.get("condition"):
        why = f" ({params['reason']})" if params.get("reason") else ""
        return f"no rule: it exists; what it means that {params['condition']} is false{why} is not known"
    if params.get("word"):
        return f"no rule: it exists; what its {params['field']} {params['word']} means is not known"
    return "no rule: it exists, and says nothing of its health"


def _joined(params: Params, *names: str) -> str:
    return ": ".join(str(params[name]) for name in names if params.get(name))


def _named(make: Callable[[Params], str]) -> Callable[[Params], str]:
    """Return what makes a sentence that begins with the object, where one is named."""

    def named(params: Params) -> str:
        said, of = make(params), params.get("object")
        return f"{of['kind']} {of['name']}: {said}" if of else said

    return named


_ABSENT = _named(lambda _: "it does not exist")
_OF_OBJECTS: Mapping[str, Callable[[Params], str]] = {
    HealthReason.IGNORED: lambda _: "health is ignored",
    HealthReason.UNREAD: lambda _: "it could not be read",
    HealthReason.DELETING: lambda _: "being deleted",
    HealthReason.UNSEEN: lambda _: "its controller has not seen the last change",
    HealthReason.COLLECTED_FAILED: lambda _: "it failed, and was collected since",
    HealthReason.COLLECTED_UNSEEN: lambda _: "it was collected before its end was seen",
    HealthReason.CONDITION: _condition,
    HealthReason.PHASE: lambda params: _joined(params, "phase", "message"),
    HealthReason.POD_FAILED: lambda params: _joined(params, "reason", "message") or "failed",
    HealthReason.POD_PHASE: lambda params: f"it is {params['phase']}",
    HealthReason.CONTAINER: lambda params: f"container {params['container']}: {params['reason']}",
    HealthReason.RUNNING: lambda _: "running",
    HealthReason.JOB_RUNS: lambda _: "a job is running",
    HealthReason.JOB_FAILED: lambda _: "the last job did not succeed",
    HealthReason.NEVER_SCHEDULED: lambda _: "never scheduled yet",
    HealthReason.SUSPENDED: lambda _: "suspended",
    HealthReason.PAUSED: lambda _: "paused",
    HealthReason.REPLICAS: _replicas,
    HealthReason.ROLLING_OUT: lambda _: "not all steps of its rollout are done",
    HealthReason.OLD_REPLICAS: lambda params: f"{params['count']} old replicas left",
    HealthReason.VOLUME_LOST: lambda _: "its volume is lost",
    HealthReason.BINDS_LATE: lambda _: "bound once a pod uses it",
    HealthReason.UNBOUND: lambda _: "not bound yet",
    HealthReason.NO_ADDRESS: lambda _: "no address yet",
    HealthReason.NOT_LOOKED_AT: lambda _: "not looked at yet",
    HealthReason.NOT_AVAILABLE: lambda _: "not available yet",
    HealthReason.NOT_ESTABLISHED: lambda _: "not established yet",
    HealthReason.NO_STATUS: lambda _: "its operator has said nothing yet",
    HealthReason.NO_PARENT: lambda _: "no parent has taken it yet",
    HealthReason.GUESSED: _guessed,
    HealthReason.NO_RULE: _no_rule,
    HealthReason.RULE_BROKEN: lambda params: f"its health rule cannot be used: {params['message']}",
    HealthReason.RULE_FAILED: lambda params: f"its health rule says failed: {params['rule']}",
    HealthReason.RULE_WAITS: lambda params: f"not yet: {params['rule']}",
    HealthReason.RULE_SAYS: lambda params: str(params.get("message") or f"its health rule says {params['status']}"),
    HealthReason.RULE_SILENT: lambda _: "its health rule says nothing",
    HealthReason.RULE_ODD: lambda params: f"its health rule gives no health: {params.get('status', '')}",
    HealthReason.RULE_OPEN: lambda _: "its health rule knows no healthy",
}
SENTENCES: Mapping[str, Callable[[Params], str]] = {
    **{code: _named(make) for code, make in _OF_OBJECTS.items()},
    HealthReason.ABSENT: _ABSENT,
    HealthReason.MISSING: lambda params: f"missing: {_ABSENT(params)}",
}
