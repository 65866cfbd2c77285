"""What the API takes and answers."""

# Written by console.client.generate from docs/reference/openapi.json.
from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Alike(TypedDict):
    """Placements of which the same is said."""

    reason: str
    code: str
    params: dict[str, Any]
    count: int
    refs: list[str]


class ApprovalView(TypedDict):
    """Something that waits, or waited, for a person."""

    id: int
    kind: str
    subject: str
    project: str
    digest: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    payload: dict[str, Any]
    state: str
    created_at: str
    decided_at: str | None
    decided_by: str
    decision_reason: str
    asked_by: str
    by_self: bool


Asked = Literal["asked", "refused"]


class AttemptView(TypedDict):
    """One attempt, with milliseconds by step and requests by verb; ``error`` in words, made of code and parameters."""

    number: int
    worker: str
    started_at: str
    ended_at: str | None
    outcome: str
    error_code: str
    error: str
    error_params: dict[str, Any]
    counts: dict[str, int]
    timings: dict[str, int]
    requests: dict[str, int]


class AuditView(TypedDict):
    """Who did what, when."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    project: str
    outcome: str
    verb: str
    credential: str
    address: str
    reason: str
    detail: dict[str, Any]


BuiltInRole = Literal["reader", "operator", "admin"]


class Change(TypedDict):
    """What is to be changed of a user; what is not given stays."""

    password: NotRequired[str | None]
    role: NotRequired[BuiltInRole | None]
    groups: NotRequired[list[str]]
    disabled: NotRequired[bool]


class ChangedField(TypedDict):
    """A field that differs."""

    path: str
    before: str | None
    after: str | None
    owner: str
    masked: bool


class ChangedObject(TypedDict):
    """What differed of one object; ``more_fields`` are not among ``fields``."""

    group: str
    kind: str
    namespace: str
    name: str
    action: str
    fields: list[ChangedField]
    more_fields: int


class ClusterEffect(TypedDict):
    """What it does to one cluster: ``added``, ``removed`` (then it counts as frozen) or which fields change."""

    name: str
    detail: str


class ClusterView(TypedDict):
    """One cluster and what we know of it; ``placements`` counts what is placed there."""

    name: str
    declared: bool
    state: str
    pool: str
    server: str
    reachable: bool | None
    blocked: str
    blocked_code: str
    blocked_params: dict[str, Any]
    error_code: str
    error: str
    error_params: dict[str, Any]
    version: str
    last_seen_at: str | None
    swept_at: str | None
    credentials_expire_at: str | None
    placements: int
    synced: int


class CommitView(TypedDict):
    """A commit, or an artifact."""

    id: str
    version: str
    at: str | None
    author: str
    subject: str


class Comparison(TypedDict):
    """In what two placements differ."""

    first: Side
    second: Side
    same_revision: bool
    values: list[ValueDifference]
    same_values: int
    only_first: list[str]
    only_second: list[str]
    both: int


class DeclaredPlacement(TypedDict):
    """A placement as the registry in force has it."""

    application: str
    cluster: str
    target: TargetView
    project: str
    disposition: str
    sources: list[DeclaredSource]
    pinned: bool
    namespace: str
    mode: str
    interval: float
    values: list[ValueView]


class DeclaredSource(TypedDict):
    """A source as the registry names it."""

    name: str
    repo: str
    ref: str
    path: str


class DriftGroup(TypedDict):
    """Placements that drifted alike."""

    state: DriftState
    said: list[str]
    objects: list[ChangedObject]
    more_objects: int
    placements: int
    refs: list[str]
    corrections: int
    last: str | None


class DriftGroups(TypedDict):
    """What drifted, in the order of the report; ``more`` groups are not among ``groups``."""

    groups: list[DriftGroup]
    more: int


DriftState = Literal["differs", "fight", "corrected", "by-hand"]


class DriftView(TypedDict):
    """One placement that drifted."""

    ref: str
    differs: str
    differs_code: str
    differs_params: dict[str, Any]
    fight: bool
    corrections: int
    corrected_at: str | None
    cause: str
    cause_code: str
    cause_params: dict[str, Any]
    by_hand: list[str]
    run: str


Effect = Literal["removed", "asks", "retained", "added", "changed", "held", "settings"]


class EffectView(TypedDict):
    """What becomes of one placement; ``detail`` is for a person."""

    ref: str
    effect: Effect
    detail: str


class EventOf(TypedDict):
    """An event with the object that it is about."""

    type: str
    reason: str
    message: str
    times: int
    at: str
    object: str


class EventPage(TypedDict):
    """Some events, the oldest first."""

    items: list[EventView]
    after: str


class EventView(TypedDict):
    """One event; fields as in ``Event``."""

    id: str
    at: str
    kind: str
    subject: str
    cluster: str
    application: str
    project: str
    code: str
    params: dict[str, Any]
    run: str | None
    actor: str
    sentence: str


class EventsAnswer(TypedDict):
    """Events, newest first."""

    events: list[EventOf]
    notes: list[str]


class Exchanged(TypedDict):
    """What a pipeline shows from now on: RFC 8693, section 2.2.1."""

    access_token: str
    issued_token_type: str
    token_type: str
    expires_in: int
    scope: str


class Explanation(TypedDict):
    """Where a placement comes from."""

    placement: PlacementView | None
    declared: DeclaredPlacement | None
    why_not: str
    without_health_rule: list[UnruledView]


class FailureView(TypedDict):
    """What the last runs at the wanted revision failed for; the same failure counts once more each time."""

    sentence: str
    code: str
    params: dict[str, Any]
    message: str
    remedy: str
    since: str
    last: str
    count: int
    retry_at: str | None


class Fault(TypedDict):
    """One thing wrong, in the order of files and lines."""

    file: str
    line: int
    what: str
    remedy: str
    scope: FaultScope
    kind: str
    name: str


FaultScope = Literal["refuses", "keeps", "notice"]


class FaultView(TypedDict):
    """Something wrong that a person should see."""

    scope: str
    code: str
    file: str
    line: int
    what: str
    params: dict[str, Any]
    remedy: str
    commit: str
    first_seen_at: str
    last_seen_at: str


class Files(TypedDict):
    """A registry: content in base64 by path from its root."""

    files: dict[str, str]


class FleetView(TypedDict):
    """The fleet and the registry commit in force; ``seen_commit`` may be a newer one that was refused."""

    name: str
    commit: str
    seen_commit: str
    checked_at: str | None


Form = Literal["json", "ndjson", "csv"]


class Given(TypedDict):
    """A value, and which document gave it where."""

    value: Any
    origin: str
    where: str


class Grouping(TypedDict):
    """A label by which the clusters of a picture may be grouped."""

    label: str
    values: list[str]
    of: list[int]


class Having(TypedDict):
    """Placements of one application that have the commit and are synced: how many, and the first of them by name."""

    application: str
    count: int
    refs: list[str]


class Held(TypedDict):
    """A verb, and where it is held."""

    verb: Verb
    everywhere: bool
    projects: list[str]


class Hit(TypedDict):
    """One thing that was found."""

    kind: HitKind
    name: str
    about: str


HitKind = Literal["cluster", "application", "placement", "commit", "run"]


class HookView(TypedDict):
    """One hook, and what this process of the API received for it since it was started."""

    name: str
    kind: str
    received: dict[str, int]
    last_received_at: str | None


Inspected = Literal["tree", "events", "logs", "manifest", "operate"]


class InspectionQuestion(TypedDict):
    """What is to be looked at."""

    placement: str
    what: Inspected
    object: NotRequired[str]
    container: NotRequired[str]
    previous: NotRequired[bool]
    lines: NotRequired[int]
    since: NotRequired[int | None]


InspectionState = Literal["asked", "taken", "answered", "failed"]


class InspectionView(TypedDict):
    """An inspection as it stands. One of the four answers is there once it is answered."""

    id: str
    placement: str
    project: str
    what: Inspected
    object: str
    state: InspectionState
    actor: str
    created_at: str
    expires_at: str
    ended_at: str | None
    tree: TreeAnswer | None
    events: EventsAnswer | None
    logs: LogsAnswer | None
    manifest: ManifestAnswer | None
    operate: OperationAnswer | None
    error: WhyNot | None


IntentKind = Literal["sync", "check", "pause", "resume", "refresh", "approve", "reject"]


class IntentView(TypedDict):
    """What came of a request so far; of a batch, as soon as all of it is carried out."""

    id: int
    kind: str
    subject: str
    project: str
    actor: str
    reason: str
    placements: int
    created_at: str
    handled_at: str | None
    outcome: str | None
    result: str
    result_code: str
    result_params: dict[str, Any]
    run_id: str | None
    counts: dict[str, int]


class KubernetesEventView(TypedDict):
    """What a cluster says happened."""

    type: str
    reason: str
    message: str
    times: int
    at: str


Lacking = Literal["role.none", "groups.unknown", "groups.old", "token.less"]


class LeftoverView(TypedDict):
    """One object that Git does not ask for."""

    object: str
    placement: str
    owned: bool
    why: str
    why_code: str
    why_params: dict[str, Any]


class Link(TypedDict):
    """A link by the name that people know it by; ``url`` is a template, or, of a placement, an address."""

    name: str
    url: str


class LogView(TypedDict):
    """What one container wrote; ``cut`` says that there is more before it."""

    pod: str
    namespace: str
    container: str
    lines: list[str]
    cut: bool


class LogsAnswer(TypedDict):
    """Logs, of what is not ready first."""

    logs: list[LogView]
    notes: list[str]


class ManifestAnswer(TypedDict):
    """One object as YAML; what is secret in it is masked."""

    object: str
    manifest: str
    notes: list[str]


class Me(TypedDict):
    """Who asks."""

    actor: str
    means: Means
    rights: list[Held]
    roles: list[RoleView]
    groups: list[str]
    ungrouped: str
    lacking: Lacking | None


Means = Literal["session", "token", "hub-token"]


class NewRequest(TypedDict):
    """What is asked for."""

    kind: IntentKind
    selection: NotRequired[Selection]
    reason: NotRequired[str]


class NewToken(TypedDict):
    """A token that was made now; ``secret`` is told this once."""

    token: TokenView
    secret: str


class NewUser(TypedDict):
    """A user of this hub's own who is to be added."""

    name: str
    password: str
    role: NotRequired[BuiltInRole | None]
    groups: NotRequired[list[str]]


class NodeView(TypedDict):
    """One object with what hangs on it."""

    id: str
    group: str
    kind: str
    namespace: str
    name: str
    health: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    created_at: str
    images: list[str]
    node: str
    restarts: int | None
    ready: int | None
    wanted: int | None
    containers: list[str]
    actions: list[str]
    events: list[KubernetesEventView]
    children: list[NodeView]


class ObjectResultView(TypedDict):
    """What one attempt did to one object."""

    attempt: int
    object: str
    group: str
    kind: str
    namespace: str
    name: str
    action: str
    detail: str
    detail_code: str
    detail_params: dict[str, Any]
    fields: list[ChangedField]
    more_fields: int
    diff: str


class ObjectView(TypedDict):
    """One object of a placement's inventory; ``object`` is ``group/Kind:namespace/name``, its parts stand beside it."""

    object: str
    group: str
    kind: str
    namespace: str
    name: str
    health: str
    health_reason: str
    health_reason_code: str
    health_reason_params: dict[str, Any]
    wanted: bool
    adopted: bool
    refused: str
    refused_code: str
    refused_params: dict[str, Any]


class Operation(TypedDict):
    """What is to be done to a running object."""

    placement: str
    object: str
    action: str
    reason: NotRequired[str]


class OperationAnswer(TypedDict):
    """What was done to an object."""

    object: str
    action: str
    notes: list[str]


class OwnPassword(TypedDict):
    """A user's own password, and the one that is to take its place."""

    current: str
    new: str


class PageApprovalView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[ApprovalView]
    after: str


class PageAuditView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[AuditView]
    after: str


class PageFaultView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[FaultView]
    after: str


class PageLeftoverView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[LeftoverView]
    after: str


class PagePlacementView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[PlacementView]
    after: str


class PageRunView(TypedDict):
    """Some rows and where the next ones begin."""

    items: list[RunView]
    after: str


class PictureAnswer(TypedDict):
    """A part of the fleet as a picture."""

    picture: PictureView
    groupings: list[Grouping]


class PictureView(TypedDict):
    """A part of the fleet as a picture."""

    clusters: list[str]
    applications: list[str]
    health: list[str]
    sync: list[str]
    cells: str
    more: bool


class PlacementAnswer(TypedDict):
    """One placement."""

    placement: PlacementView
    objects: list[ObjectView]
    links: list[Link]


class PlacementView(TypedDict):
    """One application on one cluster, with the age of what is said about it."""

    ref: str
    cluster: str
    application: str
    project: str
    state: str
    sync: str
    confirmed_at: str | None
    health: str
    health_reason: str
    health_reason_code: str
    health_reason_params: dict[str, Any]
    health_at: str | None
    reason: str
    hold: str
    hold_code: str
    hold_params: dict[str, Any]
    found: str
    found_code: str
    found_params: dict[str, Any]
    contact: str
    contact_code: str
    contact_params: dict[str, Any]
    commit: str
    desired_commit: str
    sources: list[SourceRevisionView]
    desired_sources: list[SourceRevisionView]
    applied_at: str | None
    objects: int
    paused_by: str
    paused_at: str | None
    pause_reason: str
    failure: FailureView | None


class PlanAnswer(TypedDict):
    """What a registry would change."""

    faults: list[Fault]
    notices: list[Fault]
    refused: bool
    clusters: list[ClusterEffect]
    placements: list[EffectView]


class Preview(TypedDict):
    """What a request would do, from what is stored: no cluster is asked."""

    etag: str
    needs_match: bool
    placements: int
    revisions: int
    paused: int
    unreachable: int
    obstacles: dict[str, int]
    items: list[PreviewItem]
    removes: bool
    removals: int
    by_self: bool
    takes_over: str
    objects: str


class PreviewItem(TypedDict):
    """One placement of a preview."""

    ref: str
    project: str
    state: str
    sync: str
    health: str
    revision: str
    obstacle: str
    obstacle_code: str
    paused: bool
    unreachable: bool


class Problem(TypedDict):
    """Why a request was not answered."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    errors: list[ProblemPart]
    request_id: str


class ProblemPart(TypedDict):
    """What is wrong with one part of the request; ``pointer`` is a JSON Pointer, as ``/query/limit``."""

    pointer: str
    detail: str


class Problems(TypedDict):
    """What is wrong, the worst first, then what most placements have."""

    items: list[Trouble]
    more: int


class Reach(TypedDict):
    """How far a commit has come."""

    commit: CommitView
    earlier: list[CommitView]
    sources: list[SourceStand]
    more_sources: int
    untouched: int
    alone: list[str]
    unclear: str
    spread: Spread
    registry: RegistryStand | None


class RegistryStand(TypedDict):
    """How the commit stands in the registry's own repository."""

    in_force: bool
    lost_at: str | None
    faults: int
    spread: Spread | None


class Right(TypedDict):
    """A verb in a project; ``*`` is every one."""

    verb: Verb
    project: str


class RoleView(TypedDict):
    """A role that somebody has, and where it comes from."""

    name: str
    project: str
    groups: list[str]


class RunAnswer(TypedDict):
    """One run with everything known of it, and what a person does next."""

    run: RunView
    attempts: list[AttemptView]
    objects: list[ObjectResultView]
    next_steps: list[StepView]


class RunView(TypedDict):
    """One run."""

    id: str
    ref: str
    trigger: str
    actor: str
    cause: str
    cause_code: str
    cause_params: dict[str, Any]
    state: str
    outcome: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    error_code: str
    error: str
    error_params: dict[str, Any]
    commit: str
    sources: list[SourceRevisionView]
    manifest_digest: str
    attempts: int
    counts: dict[str, int]
    created_at: str
    started_at: str | None
    ended_at: str | None


class SearchAnswer(TypedDict):
    """What was found, ``MOST`` of each kind, names that begin so first."""

    items: list[Hit]


class Selection(TypedDict):
    """What a request is about. Several fields choose what fits all of them."""

    placements: NotRequired[list[str]]
    application: NotRequired[str]
    cluster: NotRequired[str]
    project: NotRequired[str]
    label: NotRequired[list[str]]
    sync: NotRequired[str]
    health: NotRequired[str]
    approval: NotRequired[int | None]
    repo: NotRequired[str]


class SessionView(TypedDict):
    """A browser that has signed in."""

    id: int
    actor: str
    address: str
    created_at: str
    seen_at: str
    expires_at: str
    current: bool


Show = Literal["all", "problems"]


class Side(TypedDict):
    """One of the two."""

    placement: PlacementView
    wanted: list[SourceCommit]
    applied: list[SourceCommit]
    target: str


class SourceCommit(TypedDict):
    """What one source of a revision was resolved to, with what is known of it."""

    repo: str
    ref: str
    commit: CommitView


class SourceRevisionView(TypedDict):
    """One source of a revision."""

    position: int
    repo: str
    ref: str
    revision: str
    renderers: list[str]


class SourceStand(TypedDict):
    """A source that was resolved to the commit, or passed it."""

    repo: str
    ref: str
    is_followed: bool
    seen_at: str
    lost_at: str | None
    newest: CommitView


class SourceView(TypedDict):
    """One source and what it was last resolved to."""

    repo: str
    ref: str
    commit: str
    resolved_at: str | None
    checked_at: str | None
    error_code: str
    error: str
    error_params: dict[str, Any]


class Spread(TypedDict):
    """Who has something, who waits for it, and where it failed."""

    has: list[Having]
    unsynced: list[Alike]
    waits: list[Alike]
    failed: list[Alike]
    counts: dict[str, int]


class StatusAnswer(TypedDict):
    """How a part of the fleet stands."""

    work: list[WorkView]
    fleet: FleetView | None
    clusters: dict[str, int]
    blocked: int
    sync: dict[str, int]
    health: dict[str, int]
    paused: int
    leaving: int
    retained: int
    faults: list[FaultView]
    more_faults: int
    approvals: list[ApprovalView]
    more_approvals: int
    sources: list[SourceView]
    wrong: bool


class StepView(TypedDict):
    """What a person does next, in words, made of code and parameters."""

    sentence: str
    code: str
    params: dict[str, Any]


class TargetView(TypedDict):
    """The target of an application that takes a cluster, and where it is written."""

    name: str
    where: str


class TokenView(TypedDict):
    """A token, without the token itself."""

    id: int
    name: str
    maker: str
    rights: list[Right]
    created_at: str
    expires_at: str
    used_at: str | None
    revoked_at: str | None
    current: bool


class TokenWanted(TypedDict):
    """Body of a request for a token."""

    name: str
    verbs: NotRequired[list[Verb]]
    projects: NotRequired[list[str]]
    days: NotRequired[int]


class TreeAnswer(TypedDict):
    """The objects of a placement; ``notes`` say what could not be looked at."""

    health: str
    objects: list[NodeView]
    notes: list[str]


class Trouble(TypedDict):
    """One problem."""

    placement: PlacementView
    count: int
    refs: list[str]


class UnruledView(TypedDict):
    """A kind without a rule of health."""

    group: str
    kind: str
    code: str
    objects: int


class UserView(TypedDict):
    """Somebody who signs in."""

    id: int
    actor: str
    issuer: str
    shown: str
    role: BuiltInRole | None
    groups: list[str]
    ungrouped: str
    created_at: str
    signed_in_at: str | None
    disabled_at: str | None


class ValueDifference(TypedDict):
    """A value in which the two differ; None where one has none there."""

    path: list[str]
    first: Given | None
    second: Given | None


class ValueView(TypedDict):
    """A value, by its path, with the document that gave it and where that is written."""

    path: list[str]
    value: Any
    origin: str
    where: str


Verb = Literal["read", "logs", "sync", "pause", "approve", "pin", "rollback", "operate", "admin"]


class Version(TypedDict):
    """One version of an application, and where it runs."""

    sources: list[SourceCommit]
    clusters: list[str]
    wanted: int
    sync: dict[str, int]
    health: dict[str, int]


class Wanted(TypedDict):
    """Answer to a write: the request that was stored, and of how many placements it is as a batch; 0 for no batch."""

    intent: int
    placements: int


class WhyAnswer(TypedDict):
    """Why a placement is as it is."""

    placement: PlacementView
    wanted: list[SourceCommit]
    applied: list[SourceCommit]
    last_failure: RunView | None
    last_change: RunView | None
    changes: list[ObjectResultView]
    unhealthy: list[ObjectView]
    events: list[EventView]
    next_steps: list[StepView]


class WhyNot(TypedDict):
    """Why there is no answer."""

    code: str
    message: str
    remedy: str


class WorkView(TypedDict):
    """One finding as the API gives it."""

    code: str
    severity: str
    message: str
    remedy: str
    params: dict[str, str | float]
