"""Laws of health: live objects are other people's data, and whatever they hold, there is an answer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from common.domain.fleet import HealthRule
from common.domain.health import Health, HealthReport, worst
from common.domain.reasons import sentence
from common.domain.status import Reason
from common.rules import HERE
from workers.sync.health import NO_RULES, Context, Own, assess, own_rules
from workers.sync.health.kinds import kinds
from workers.sync.health.operators import OPERATORS

LAW = settings(max_examples=150)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONTEXT = Context(now=NOW, late_binding=frozenset({"local"}))
CUSTOM = ("example.com", "Gadget")
KINDS = sorted({*kinds(), *OPERATORS, CUSTOM, ("", "ConfigMap")})

# -- objects ---------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "True", "False", "Unknown", "Ready", "Available", "Progressing", "Reconciling", "Stalled", "Failed", "Complete",
        "PodScheduled", "Unschedulable", "Running", "Pending", "Bound", "Lost", "LoadBalancer", "OnDelete", "NotReady",
        "ReplicaFailure", "ProgressDeadlineExceeded", "CrashLoopBackOff", "ErrImagePull", "Healthy", "Degraded",
        "NamesAccepted", "Established", "ScalingActive", "FailedGetScale", "Accepted", "CreateFailed", "1", "abc", "",
        "local",
    ]
)  # fmt: skip
TIMES = st.sampled_from(
    [
        "2026-11-23T11:59:50Z", "2026-11-23T11:59:00Z", "2026-11-23T12:01:00.5+02:00", "2026-11-23",
        "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday",
    ]
)  # fmt: skip
NUMBERS = st.integers(-2, 5) | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400]) | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | WORDS | TIMES
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | WORDS, inner, max_size=3),
    max_leaves=5,
)


def fields(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects with any of these fields, each of which may hold something else; and at times no object at all."""
    return st.fixed_dictionaries({}, optional={name: each | JSON for name, each in known.items()})


CONDITION = fields(
    type=WORDS, status=WORDS, reason=WORDS, message=WORDS, lastTransitionTime=TIMES, observedGeneration=NUMBERS
)
CONDITIONS = st.lists(CONDITION | SCALARS, max_size=4)
WAITING = fields(name=WORDS, state=fields(waiting=fields(reason=WORDS)))
COUNTS = {
    name: NUMBERS
    for name in (
        "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
        "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable",
    )
}  # fmt: skip
STATUS = fields(
    **COUNTS,
    conditions=CONDITIONS,
    phase=WORDS,
    state=WORDS,
    health=WORDS | fields(status=WORDS),
    active=st.lists(JSON, max_size=2),
    parents=st.lists(fields(conditions=CONDITIONS), max_size=2),
    lastScheduleTime=TIMES,
    lastSuccessfulTime=TIMES,
    updateRevision=WORDS,
    currentRevision=WORDS,
    loadBalancer=fields(ingress=st.lists(JSON, max_size=1)),
    containerStatuses=st.lists(WAITING, max_size=2),
    initContainerStatuses=st.lists(WAITING, max_size=2),
)
SPEC = fields(
    replicas=NUMBERS,
    paused=st.booleans(),
    suspend=st.booleans(),
    type=WORDS,
    storageClassName=WORDS,
    updateStrategy=fields(type=WORDS, rollingUpdate=fields(partition=NUMBERS)),
)
METADATA = fields(
    name=WORDS,
    generation=NUMBERS,
    deletionTimestamp=st.none() | TIMES,
    annotations=fields(**{"flotilla.dev/health": st.just("ignore")}),
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """Return an object of a kind that has a rule, or of one that has none, with anything in any place."""
    group, kind = draw(st.sampled_from(KINDS))
    whole = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind}
    parts = {"metadata": METADATA | JSON, "spec": SPEC | JSON, "status": STATUS | JSON}
    return whole | {name: draw(part) for name, part in parts.items()}


HAND_MADE = fields(apiVersion=WORDS, kind=WORDS, metadata=JSON, status=JSON)
EXPRESSIONS = (
    "self.status.phase == 'Running'",
    "self.status.replicas > 1",
    "self.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
    "has(self.status.state) && self.status.state.startsWith('R')",
    "size(self.spec) > 0",
    "self.status",
    "",
)
OWN = st.builds(
    lambda key, healthy, failed: own_rules([HealthRule(key[1], key[0], healthy=healthy, failed=failed)], HERE),
    st.sampled_from(KINDS),
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(EXPRESSIONS),
)
RULES = st.just(NO_RULES) | OWN


def of_its_own(live: dict[str, Any], healthy: str, failed: str = "") -> Own:
    group = live["apiVersion"].rpartition("/")[0]
    return own_rules([HealthRule(live["kind"], group, healthy=healthy, failed=failed)], HERE)


# -- laws ------------------------------------------------------------------------------------------------------


@LAW
@given(live=objects() | HAND_MADE, own=RULES)
@example(live={"apiVersion": "v1", "kind": "Pod", "metadata": None, "status": []}, own=NO_RULES)
def test_every_object_has_a_health_and_asking_changes_nothing(live: dict[str, Any], own: Own) -> None:
    before = copy.deepcopy(live)
    report = assess(live, CONTEXT, own)
    assert repr(live) == repr(before)
    assert report.health in Health
    assert report.health is not Health.MISSING, "what is in hand is there"
    assert report.health is Health.HEALTHY or sentence(report.reason) not in {"", report.reason.code}, (
        "who is not well is told why"
    )
    assert assess(before, CONTEXT, own) == report


@LAW
@given(live=objects(), healthy=st.sampled_from(EXPRESSIONS), failed=st.sampled_from(EXPRESSIONS))
def test_an_own_rule_has_an_answer_to_every_object(live: dict[str, Any], healthy: str, failed: str) -> None:
    report = assess(live, CONTEXT, of_its_own(live, healthy, failed))
    assert report.health in set(Health) - {Health.MISSING}
    assert len(sentence(report.reason)) < 2_000


@LAW
@given(live=objects() | HAND_MADE, own=RULES, later=st.timedeltas(timedelta(days=-3000), timedelta(days=3000)))
def test_time_alone_changes_the_health_of_unschedulable_pods_only(
    live: dict[str, Any], own: Own, later: timedelta
) -> None:
    now, then = assess(live, CONTEXT, own), assess(live, Context(NOW + later, CONTEXT.late_binding), own)
    if now != then:
        assert (live["apiVersion"], live["kind"]) == ("v1", "Pod")
        assert "Unschedulable" in sentence(now.reason)
        assert {now.health, then.health} == {Health.PROGRESSING, Health.DEGRADED}
        assert then.reason == now.reason, "no ticking words"
        assert (then.health is Health.DEGRADED) == (later > timedelta()), "waiting makes nobody well"


def ignored(live: dict[str, Any]) -> bool:
    metadata = live["metadata"] if isinstance(live["metadata"], dict) else {}
    annotations = metadata.get("annotations")
    return isinstance(annotations, dict) and annotations.get("flotilla.dev/health") == "ignore"


def with_(live: dict[str, Any], place: str, **more: Any) -> dict[str, Any]:
    """Return an object with more in a place, which becomes a mapping if it was none."""
    there = live[place] if isinstance(live[place], dict) else {}
    return {**live, place: there | more}


def deleted(live: dict[str, Any]) -> dict[str, Any]:
    return with_(live, "metadata", deletionTimestamp="2026-11-23T00:00:00Z")


def unseen(live: dict[str, Any], *, gap: int = 1) -> dict[str, Any]:
    return with_(with_(live, "metadata", deletionTimestamp=None, generation=7), "status", observedGeneration=7 - gap)


def said(live: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return an object that is up to date, and whose controller says these and nothing else."""
    conditions = [{"type": name, "status": "True", "reason": f"{name}ForAReason"} for name in names]
    return with_(unseen(live, gap=0), "status", conditions=conditions)


@LAW
@given(live=objects(), own=RULES)
def test_what_is_ignored_is_healthy_whatever_else(live: dict[str, Any], own: Own) -> None:
    there = with_(deleted(live), "metadata", annotations={"flotilla.dev/health": "ignore"})
    assert assess(there, CONTEXT, own).health is Health.HEALTHY


@LAW
@given(live=objects(), own=RULES)
def test_the_common_rules_come_in_their_order_and_before_all_others(live: dict[str, Any], own: Own) -> None:
    assume(not ignored(live))

    def health(changed: dict[str, Any]) -> tuple[Health, str]:
        report = assess(changed, CONTEXT, own)
        return report.health, sentence(report.reason)

    gone = (Health.PROGRESSING, "being deleted")
    old = (Health.PROGRESSING, "its controller has not seen the last change")
    busy, stalled = "Reconciling", "Stalled"
    assert health(deleted(live)) == gone
    assert health(deleted(unseen(said(live, stalled)))) == gone
    assert health(unseen(live)) == old
    assert health(unseen(said(live, stalled, busy))) == old
    assert health(said(live, stalled, busy)) == (Health.PROGRESSING, "ReconcilingForAReason")
    assert health(said(live, busy)) == (Health.PROGRESSING, "ReconcilingForAReason")
    assert health(said(live, stalled)) == (Health.DEGRADED, "StalledForAReason")


@LAW
@given(live=objects())
def test_an_own_rule_wins_over_that_of_the_kind_where_no_common_one_speaks(live: dict[str, Any]) -> None:
    assume(not ignored(live))
    plain = said(live)
    assert assess(plain, CONTEXT, of_its_own(plain, "true")).health is Health.HEALTHY
    assert assess(plain, CONTEXT, of_its_own(plain, "true", "true")).health is Health.DEGRADED
    assert assess(plain, CONTEXT, of_its_own(plain, "false")).health is Health.PROGRESSING


REASONS = st.builds(Reason, st.sampled_from(["", "a", "b"]))
REPORTS = st.lists(st.builds(HealthReport, st.sampled_from(Health), REASONS), max_size=6)


@given(reports=REPORTS, data=st.data())
def test_the_worst_is_the_worst_in_any_order(reports: Sequence[HealthReport], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(reports))
    assert worst(shuffled).health is worst(reports).health


@given(reports=REPORTS)
def test_a_placement_is_its_worst_object_and_missing_only_whole(reports: Sequence[HealthReport]) -> None:
    found = {report.health for report in reports}
    whole = worst(reports).health
    if found <= {Health.MISSING}:
        assert whole is (Health.MISSING if found else Health.HEALTHY)
        return
    assert whole is not Health.MISSING
    assert all(whole.rank >= health.rank for health in found - {Health.MISSING})
    assert Health.MISSING not in found or whole.rank >= Health.PROGRESSING.rank
    assert whole in found | {Health.PROGRESSING}
    assert worst([*reports, *reports]).health is whole
