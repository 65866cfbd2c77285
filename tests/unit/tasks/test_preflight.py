"""Between dispatch and claim anything may have changed: what a worker still carries out, and how."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from common.domain.fleet import ApplicationState, Cluster, ClusterState, GitSource, Placement, Ref, RefKind, SyncMode
from common.domain.health import Health, HealthReport
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.reasons import hold_sentence
from common.domain.refs import AttemptRef, PlacementRef, RunId
from common.domain.revisions import Revision, SourceRevision
from common.domain.runs import AttemptOutcome, SyncStatus, Trigger
from common.domain.status import NONE, Reason
from common.store.queue.claims import ClaimFacts
from common.store.queue.runs import ClaimedRun
from common.store.state.placement_status import PlacementStatus
from tests.factories import REPO, application, cluster, fleet, rendered_by, revision
from workers.sync.requests import Phase
from workers.tasks.preflight import Go, Stop, preflight

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = PlacementRef("eu", "web")
RENDERERS = rendered_by("plain 1")
ODD = ("release/1.0+build", "a, b+c")


def _placement(
    *,
    mode: SyncMode = SyncMode.ENFORCE,
    state: ClusterState = ClusterState.ACTIVE,
    application_state: ApplicationState = ApplicationState.ACTIVE,
    blocked: str = "",
) -> Placement:
    web = application("web", mode=mode, state=application_state, blocked=blocked)
    found = fleet([cluster("eu", state)], [web]).placement(REF)
    assert found is not None
    return found


PLACEMENT = _placement()
REVISION = revision("s" * 64, PLACEMENT.parameters_digest(RENDERERS))
OLDER = replace(REVISION, source_digest="r" * 64)
STATUS = PlacementStatus(
    id=1,
    ref=REF,
    mark="m",
    state=PlacementState.PLACED,
    desired=REVISION.identity,
    applied=None,
    sync=SyncStatus.UNKNOWN,
    found=NONE,
    failure=None,
    hint="",
    hint_judged="",
    retry_at=None,
    paused=False,
    health=HealthReport(Health.UNKNOWN),
    failures=0,
    full_check_due_at=None,
    observe_until=None,
)
FACTS = ClaimFacts(snapshot_id=1, status=STATUS, blocked=NONE, renderers=RENDERERS, last=None, asks_to_move=False)
GONE = replace(FACTS, status=replace(STATUS, state=PlacementState.LEAVING, desired=None))


def _run(revision: Revision | None = REVISION, trigger: Trigger = Trigger.REVISION) -> ClaimedRun:
    return ClaimedRun(
        attempt=AttemptRef(RunId("run"), 1),
        placement_id=1,
        ref=REF,
        trigger=trigger,
        actor="flotilla",
        cause=NONE,
        queue="default",
        revision=revision,
        source_id=1,
        snapshot_id=1,
        approval_id=None,
        retries=0,
        interruptions=0,
        created_at=NOW,
        started_at=NOW,
        claimed_at=NOW,
        project="",
    )


REMOVAL = _run(None, Trigger.LEAVING)
WRITING = sorted(set(Trigger) - {Trigger.CHECK, Trigger.LEAVING})


def _of(
    run: ClaimedRun | None = None,
    facts: ClaimFacts = FACTS,
    placement: Placement | None = PLACEMENT,
    at: Cluster | None = PLACEMENT.cluster,
) -> Go | Stop:
    return preflight(run or _run(), facts, placement, cluster=at, owner="", agreed=False)


def _stops(decision: Go | Stop, outcome: AttemptOutcome, reason: str) -> None:
    assert isinstance(decision, Stop)
    assert decision.outcome is outcome
    assert reason in hold_sentence(decision.reason)


def test_what_is_still_wanted_is_applied() -> None:
    assert _of() == Go(Phase.APPLY)


@pytest.mark.parametrize("run", [_run(), _run(trigger=Trigger.MANUAL), REMOVAL])
def test_nothing_is_written_to_a_blocked_cluster_whoever_asks(run: ClaimedRun) -> None:
    facts = replace(GONE if run.revision is None else FACTS, blocked=Reason(Hold.SAME_CLUSTER, {"others": ["us"]}))
    _stops(_of(run, facts), AttemptOutcome.SKIPPED, "blocked: the same cluster as us")


@pytest.mark.parametrize("state", [PlacementState.RETAINED, PlacementState.LEAVING, PlacementState.LEFT])
def test_what_is_no_longer_placed_is_not_applied(state: PlacementState) -> None:
    facts = replace(FACTS, status=replace(STATUS, state=state))
    _stops(_of(facts=facts), AttemptOutcome.SKIPPED, "nothing places it")


def test_what_the_registry_no_longer_names_is_not_applied() -> None:
    _stops(_of(placement=None), AttemptOutcome.SKIPPED, "nothing places it")


@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_run_for_an_older_revision_is_superseded_whoever_asked_for_it(trigger: Trigger) -> None:
    _stops(_of(_run(OLDER, trigger)), AttemptOutcome.SUPERSEDED, "a newer revision")


def test_without_a_revision_to_be_at_a_run_is_superseded() -> None:
    facts = replace(FACTS, status=replace(STATUS, desired=None))
    _stops(_of(facts=facts), AttemptOutcome.SUPERSEDED, "a newer revision")


def test_the_same_content_from_another_commit_is_the_same_revision() -> None:
    assert _of(_run(revision(*REVISION.identity, "d" * 40))) == Go(Phase.APPLY)


def test_parameters_that_changed_since_supersede_the_run() -> None:
    changed = replace(REVISION, parameters_digest="p" * 64)
    facts = replace(FACTS, status=replace(STATUS, desired=changed.identity))
    _stops(_of(_run(changed), facts), AttemptOutcome.SUPERSEDED, "the registry has changed")


def _of_sources(*branches: str) -> Placement:
    sources = tuple(GitSource(REPO, Ref(RefKind.BRANCH, one), name=f"s{number}") for number, one in enumerate(branches))
    return replace(PLACEMENT, sources=sources)


def test_a_run_is_for_the_sources_that_the_registry_has_and_not_for_as_many() -> None:
    first, second = (
        SourceRevision(one, digit * 40) for one, digit in zip(_of_sources(*ODD).to_resolve, "cd", strict=True)
    )
    wanted = replace(REVISION, sources=(first, second))
    for same in (_of_sources(*ODD), _of_sources(*reversed(ODD))):
        assert _of(_run(wanted), placement=same) == Go(Phase.APPLY)
    for other in (_of_sources(ODD[0]), _of_sources(ODD[0], "other"), _of_sources(*ODD, "other")):
        _stops(_of(_run(wanted), placement=other), AttemptOutcome.SUPERSEDED, "the registry has changed")


def test_another_renderer_supersedes_the_run_and_an_unknown_one_does_not() -> None:
    _stops(
        _of(facts=replace(FACTS, renderers=rendered_by("plain 2"))),
        AttemptOutcome.SUPERSEDED,
        "the registry has changed",
    )
    assert _of(facts=replace(FACTS, renderers=None)) == Go(Phase.APPLY)


@pytest.mark.parametrize(
    ("placement", "why"),
    [
        (_placement(state=ClusterState.FROZEN), "the cluster's state is frozen"),
        (_placement(state=ClusterState.JOINING), "the cluster is joining"),
        (_placement(state=ClusterState.DRAINING), "its cluster is draining"),
        (_placement(state=ClusterState.RETIRED), "the cluster is retired"),
        (_placement(application_state=ApplicationState.RETIRED), "its application is retired"),
        (_placement(blocked="its project is gone"), "blocked: its project is gone"),
    ],
)
def test_only_what_may_be_synced_is_applied(placement: Placement, why: str) -> None:
    decision = _of(_run(trigger=Trigger.MANUAL), placement=placement, at=placement.cluster)
    _stops(decision, AttemptOutcome.SKIPPED, why)


@pytest.mark.parametrize("trigger", WRITING)
def test_what_is_paused_is_applied_only_for_a_person(trigger: Trigger) -> None:
    decision = _of(_run(trigger=trigger), replace(FACTS, status=replace(STATUS, paused=True)))
    if trigger in {Trigger.MANUAL, Trigger.APPROVAL}:
        assert decision == Go(Phase.APPLY)
    elif trigger is Trigger.DRIFT:
        assert decision == Go(Phase.CHECK), "a look is always allowed"
    else:
        _stops(decision, AttemptOutcome.SKIPPED, "paused")


@pytest.mark.parametrize(
    ("placement", "phase"),
    [
        (_placement(mode=SyncMode.MANUAL), Phase.CHECK),
        (_placement(mode=SyncMode.WARN), Phase.CHECK),
        (_placement(state=ClusterState.FROZEN), Phase.CHECK),
        (_placement(), Phase.APPLY),
    ],
    ids=["manual", "warn", "frozen", "enforce"],
)
def test_what_a_sweep_saw_is_judged_wherever_it_may_not_be_corrected(placement: Placement, phase: Phase) -> None:
    assert _of(_run(trigger=Trigger.DRIFT), placement=placement) == Go(phase)


@pytest.mark.parametrize("trigger", WRITING)
def test_where_only_a_warning_is_wanted_nothing_is_written_but_for_a_person(trigger: Trigger) -> None:
    decision = _of(_run(trigger=trigger), placement=_placement(mode=SyncMode.WARN))
    assert decision == Go(Phase.APPLY if trigger in {Trigger.MANUAL, Trigger.APPROVAL} else Phase.CHECK)


def test_a_removal_that_names_a_revision_writes_nothing() -> None:
    _stops(_of(_run(trigger=Trigger.LEAVING)), AttemptOutcome.SKIPPED, "it is wanted again")


@pytest.mark.parametrize("mode", list(SyncMode))
@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("last", [None, *AttemptOutcome])
def test_who_only_looks_never_writes(mode: SyncMode, last: AttemptOutcome | None, *, paused: bool) -> None:
    facts = replace(FACTS, status=replace(STATUS, paused=paused), last=last)
    assert _of(_run(trigger=Trigger.CHECK), facts, _placement(mode=mode)) == Go(Phase.CHECK)


@pytest.mark.parametrize("last", [None, *AttemptOutcome])
def test_only_a_run_that_waited_for_health_goes_on_to_prune(last: AttemptOutcome | None) -> None:
    phase = Phase.RESUME if last is AttemptOutcome.WAITING else Phase.APPLY
    assert _of(facts=replace(FACTS, last=last)) == Go(phase)


@pytest.mark.parametrize("state", [ClusterState.ACTIVE, ClusterState.DRAINING])
@pytest.mark.parametrize("placement", [None, PLACEMENT])
def test_what_leaves_is_removed_from_a_cluster_that_may_be_written_to(
    state: ClusterState, placement: Placement | None
) -> None:
    assert _of(REMOVAL, GONE, placement, cluster("eu", state)) == Go(Phase.REMOVE)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (None, "document is gone"),
        (cluster("eu", removed=True), "document is gone"),
        (cluster("eu", ClusterState.FROZEN), "state is frozen"),
        (cluster("eu", ClusterState.JOINING), "is joining"),
        (cluster("eu", ClusterState.RETIRED), "is retired"),
    ],
)
def test_nothing_is_removed_from_any_other_cluster(at: Cluster | None, why: str) -> None:
    _stops(_of(REMOVAL, GONE, None, at), AttemptOutcome.SKIPPED, why)


@pytest.mark.parametrize("state", sorted(set(PlacementState) - {PlacementState.LEAVING}))
def test_what_is_wanted_again_is_not_removed(state: PlacementState) -> None:
    facts = replace(FACTS, status=replace(STATUS, state=state))
    _stops(_of(REMOVAL, facts), AttemptOutcome.SKIPPED, "it is wanted again")
