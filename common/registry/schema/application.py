"""Application: source, rendering, targets, sync."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from common.domain.fleet import (
    AdoptPolicy,
    ApplicationState,
    ConflictPolicy,
    OnUnmatch,
    SyncMode,
)
from common.domain.runs import RetryPolicy
from common.registry.schema.base import (
    LAX,
    Base,
    Count,
    CredentialsSpec,
    Duration,
    Folder,
    Glob,
    Head,
    LabelledMetadata,
    Name,
    Percent,
    Reference,
    SelectorSpec,
    Text,
    refuse,
    url_of,
)
from common.registry.schema.core import Values

_GIT = frozenset({"https", "ssh", "http"})
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/\.|[/.]$|\.lock$|\.lock/")
_DEFAULT_RETRY = RetryPolicy()
_SEVERAL = "give exactly one of"


def _git_url(value: str) -> str:
    url = url_of(value, _GIT)
    if url.startswith("http://") and re.match(r"http://(127\.\d+\.\d+\.\d+|localhost|\[::1\])([:/]|$)", url) is None:
        refuse(f"{value[:80]!r} is plain http", "use https or ssh; http is for loopback in demos and tests")
    return url


def _ref_name(value: str) -> str:
    if not 0 < len(value) <= 250 or value == "@" or _BAD_REF.search(value):
        refuse(f"{value[:80]!r} is not a branch or tag name", "give the name as git shows it, without refs/")
    return value


def _commit(value: str) -> str:
    if _COMMIT.fullmatch(value) is None:
        refuse(f"{value[:80]!r} is not a full commit id", "give all 40 (or 64) lower-case hex digits")
    return value


def _pointer(value: str) -> str:
    if not value.startswith("/") or len(value) > 512 or re.search(r"~(?![01])", value):
        refuse(f"{value[:80]!r} is not a JSON pointer", "write it as /spec/replicas")
    return value


Event = Literal["failed", "degraded", "recovered", "waiting", "succeeded"]
RefName = Annotated[str, AfterValidator(_ref_name)]
Commit = Annotated[str, AfterValidator(_commit)]
Pointer = Annotated[str, AfterValidator(_pointer)]


def _one_of(spec: Base, keys: tuple[str, ...], what: str) -> None:
    given = [key for key in keys if getattr(spec, key) is not None]
    if len(given) != 1:
        refuse(f"{what} with {'none' if not given else 'several'} of its keys", f"{_SEVERAL} {', '.join(keys)}")


class PinSpec(Base):
    """Where a target is held; exactly one of its keys."""

    branch: RefName | None = Field(default=None, description="Follows a branch.")
    tag: RefName | None = Field(default=None, description="A tag.")
    commit: Commit | None = Field(default=None, description="A full commit id.")

    @model_validator(mode="after")
    def _exactly_one(self) -> PinSpec:
        _one_of(self, ("branch", "tag", "commit"), "a pin")
        return self


class GitRefSpec(Base):
    """What to follow in Git; exactly one of its keys."""

    branch: RefName | None = Field(default=None, description="Follows a branch.")
    tag: RefName | None = Field(default=None, description="A tag.")
    semver: Text | None = Field(default=None, description="The highest tag in a range.")
    commit: Commit | None = Field(default=None, description="A full commit id.")

    @model_validator(mode="after")
    def _exactly_one(self) -> GitRefSpec:
        _one_of(self, ("branch", "tag", "semver", "commit"), "a ref")
        return self


class OciRefSpec(Base):
    """What to follow in an OCI repository; exactly one of its keys."""

    tag: Text | None = Field(default=None, description="A tag.")
    semver: Text | None = Field(default=None, description="The highest tag in a range.")
    digest: Text | None = Field(default=None, description="A digest.")

    @model_validator(mode="after")
    def _exactly_one(self) -> OciRefSpec:
        _one_of(self, ("tag", "semver", "digest"), "a ref")
        return self


class HelmSourceSpec(Base):
    """A chart in a chart repository."""

    repo: Annotated[str, AfterValidator(lambda v: url_of(v, frozenset({"https", "oci"})))] = Field(
        description="URL of the chart repository."
    )
    chart: Text = Field(description="Name of the chart.")
    version: Text = Field(description="Version or range.")


class OciSourceSpec(Base):
    """Manifests in an OCI artifact."""

    image: Text = Field(description="Repository of the artifact, without tag.")
    ref: OciRefSpec = Field(description="Which of its versions.")
    path: Folder = Field(default=".", description="Folder in the artifact.")


class VerifySpec(Base):
    """Signed commits or tags only."""

    keys: Annotated[list[Name], Field(min_length=1)] = Field(description="Names of the keys, one of which signed.")


class SourceSpec(Base):
    """Git (repo, path, ref), or helm, or oci."""

    repo: Annotated[str, AfterValidator(_git_url)] | None = Field(default=None, description="URL of a Git repository.")
    path: Folder | None = Field(default=None, description="Folder in the repository. Absent: its root.")
    ref: GitRefSpec | None = Field(default=None, description="What to follow in the repository.")
    helm: HelmSourceSpec | None = Field(default=None, description="A chart, instead of a repository.")
    oci: OciSourceSpec | None = Field(default=None, description="An artifact, instead of a repository.")
    credentials: CredentialsSpec | None = Field(default=None, description="How to sign in. Absent: anonymous.")
    verify: VerifySpec | None = Field(default=None, description="Signatures to ask for. Absent: none.")

    @model_validator(mode="after")
    def _one_kind(self) -> SourceSpec:
        _one_of(self, ("repo", "helm", "oci"), "a source")
        if (self.repo is None) != (self.ref is None) or (self.repo is None and self.path is not None):
            refuse("repo, ref and path belong together", "a Git source has repo and ref, and may have path")
        return self


class NamedSourceSpec(SourceSpec):
    """One of several sources."""

    name: Name = Field(description="What the other sources call it: $NAME/file.")


class HelmRenderSpec(Base):
    """Settings of Helm."""

    values_files: list[Text] = Field(default=[], description="Files under the source, lowest first.")
    release_name: Name | None = Field(default=None, description="Absent: the application's name.")


class KustomizeRenderSpec(Base):
    """Settings of Kustomize, laid over the folder's own."""

    images: list[Text] = Field(default=[], description="NAME=NEWNAME:TAG, as `kustomize edit set image` takes them.")
    patches: list[dict[str, Any]] = Field(default=[], description="Patches as in a kustomization.")
    components: list[Folder] = Field(default=[], description="Folders of components, from the repository's root.")
    name_prefix: Text | None = Field(default=None, description="Put before every name. Absent: none.")
    name_suffix: Text | None = Field(default=None, description="Put after every name. Absent: none.")


class JsonnetRenderSpec(Base):
    """Settings of Jsonnet."""

    libs: list[Folder] = Field(default=[], description="Library folders, from the repository's root.")
    top_level_arguments: dict[str, Any] = Field(default={}, description="Arguments of the top-level function.")


class PlainRenderSpec(Base):
    """Settings of plain manifests."""

    include: list[Glob] = Field(default=[], description="Files to take, from the source's path. None: all of YAML.")
    exclude: list[Glob] = Field(default=[], description="Files to leave out; wins over include.")


class RenderSpec(Base):
    """Which renderer; at most one of its keys. Absent: detected from what lies in the folder."""

    plain: PlainRenderSpec | None = Field(default=None, description="Manifests as they are.")
    kustomize: KustomizeRenderSpec | None = Field(default=None, description="Kustomize.")
    helm: HelmRenderSpec | None = Field(default=None, description="Helm.")
    jsonnet: JsonnetRenderSpec | None = Field(default=None, description="Jsonnet.")

    @model_validator(mode="after")
    def _one_renderer(self) -> RenderSpec:
        _one_of(self, ("plain", "kustomize", "helm", "jsonnet"), "render")
        return self


class SopsSpec(Base):
    """SOPS files."""

    key_ref: Reference = Field(description="Reference of the key.")


class DecryptSpec(Base):
    """How encrypted files are read."""

    sops: SopsSpec = Field(description="By SOPS.")


class ExpectSpec(Base):
    """How many clusters a target must select; outside, the last good version of the document stays."""

    min: Count | None = Field(default=None, description="At least. Absent: no bound.")
    max: Count | None = Field(default=None, description="At most. Absent: no bound.")

    @model_validator(mode="after")
    def _in_order(self) -> ExpectSpec:
        if self.min is None and self.max is None:
            refuse("expect without a bound", "give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse(f"expect from {self.min} to {self.max} admits nothing", "give min at most max")
        return self


class TargetSpec(Base):
    """Clusters by name or by labels, and what differs there."""

    name: Name = Field(description="Unique in its application.")
    clusters: list[Name] | None = Field(default=None, description="Clusters by name; or use select.")
    select: SelectorSpec | None = Field(default=None, description="Clusters by label, of those the project allows.")
    values: Values = Field(default={}, description="Highest layer of values.")
    pin: PinSpec | None = Field(default=None, description="Held at this ref. Absent: the source's ref.")
    expect: ExpectSpec | None = Field(default=None, description="Bounds of how many it selects. Absent: none.")

    @model_validator(mode="after")
    def _one_way(self) -> TargetSpec:
        if not self.clusters and self.select is None:
            refuse("a target that names no cluster", "give clusters or select")
        _one_of(self, ("clusters", "select"), "a target")
        return self


class DependencySpec(Base):
    """What must be healthy first."""

    application: Name = Field(description="Name of the application.")
    clusters: SelectorSpec | None = Field(default=None, description="On these clusters. Absent: on the same cluster.")


class MovedFromSpec(Base):
    """A former name."""

    application: Name = Field(description="The application's former name, whose objects it keeps.")


class RetrySpec(Base):
    """min(ceiling, base x factor^n), with jitter."""

    limit: Annotated[int, Field(ge=0, le=100)] = Field(default=_DEFAULT_RETRY.limit, description="Retries of one run.")
    base: Duration = Field(default=_DEFAULT_RETRY.base, description="First delay.")
    factor: Annotated[float, Field(ge=1, le=10)] = Field(default=_DEFAULT_RETRY.factor, description="Growth.")
    ceiling: Duration = Field(default=_DEFAULT_RETRY.ceiling, description="Longest delay.")


class PruneSpec(Base):
    """Guards of removals; what is absent comes from the fleet's defaults."""

    enabled: bool | None = Field(default=None, description="Absent: as the fleet's defaults.")
    max_objects: Count | None = Field(default=None, description="Absent: as the fleet's defaults.")
    max_percent: Percent | None = Field(default=None, description="Absent: as the fleet's defaults.")


class IgnoreSpec(Base):
    """Fields that others own."""

    kind: Text = Field(description="Kind of the objects.")
    group: str | None = Field(default=None, description="Their API group. Absent: any.")
    namespace: Name | None = Field(default=None, description="Absent: any.")
    name: Text | None = Field(default=None, description="Absent: any.")
    paths: Annotated[list[Pointer], Field(min_length=1)] = Field(description="JSON pointers of the fields.")


class SyncSpec(Base):
    """How placements are synced."""

    mode: Annotated[SyncMode, LAX] = Field(
        default=SyncMode.ENFORCE, description="enforce; warn: detected, not written; manual: written when asked."
    )
    deadline: Duration = Field(default=timedelta(minutes=15), description="How long health is awaited.")
    retry: RetrySpec = Field(default=RetrySpec(), description="How often and when a failed attempt is repeated.")
    windows: list[Name] = Field(default=[], description="SyncWindows in which syncs may start. None: always.")
    prune: PruneSpec = Field(default=PruneSpec(), description="Guards of removals.")
    adopt: Annotated[AdoptPolicy, LAX] = Field(
        default=AdoptPolicy.UNOWNED,
        description="unowned: objects nobody's tool marks; any: also those of Argo CD, Flux or Helm; never.",
    )
    ignore: list[IgnoreSpec] = Field(default=[], description="Fields neither reported nor overwritten.")
    conflicts: Annotated[ConflictPolicy, LAX] = Field(
        default=ConflictPolicy.FAIL, description="fail, or take-over of fields that never were ours."
    )


class HealthSpec(Base):
    """CEL expressions for one kind."""

    kind: Text = Field(description="Kind of the objects.")
    group: str = Field(default="", description="Their API group.")
    healthy: Text | None = Field(default=None, description="True when healthy. Absent: never.")
    failed: Text | None = Field(default=None, description="True when degraded. Absent: never.")

    @model_validator(mode="after")
    def _judges(self) -> HealthSpec:
        if self.healthy is None and self.failed is None:
            refuse("a health rule without an expression", "give healthy, failed or both")
        return self


class NotifySpec(Base):
    """Events that go to a channel."""

    on: Annotated[list[Literal["failed", "degraded", "recovered", "waiting", "succeeded"]], Field(min_length=1)] = (
        Field(description="Which events.")
    )
    to: Name = Field(description="A channel of the project.")


class ApplicationSpec(Base):
    """What to run, how, and where."""

    project: Name | None = Field(default=None, description="Absent: default, where the registry has no Project.")
    state: Annotated[ApplicationState, LAX] = Field(
        default=ApplicationState.ACTIVE, description="active, or retired: its objects are removed everywhere."
    )
    interval: Duration | None = Field(default=None, description="Absent: as the fleet's defaults.")
    source: SourceSpec | None = Field(default=None, description="Where its manifests come from; or use sources.")
    sources: list[NamedSourceSpec] | None = Field(default=None, description="Several sources, instead of source.")
    render: RenderSpec | None = Field(default=None, description="Absent: detected.")
    decrypt: DecryptSpec | None = Field(default=None, description="Absent: nothing is decrypted.")
    substitute: bool = Field(default=False, description="Whether ${name:=default} is filled in after rendering.")
    namespace: Name = Field(description="Namespace of objects that name none.")
    create_namespace: bool = Field(default=False, description="Whether it is created; needs the project's leave.")
    values: Values = Field(default={}, description="Lowest layer of values.")
    targets: Annotated[list[TargetSpec], Field(min_length=1, max_length=256)] = Field(
        description="Top to bottom, the first that takes a cluster wins; a cluster that none takes is not placed."
    )
    on_unmatch: Annotated[OnUnmatch, LAX] = Field(
        default=OnUnmatch.RETAIN, description="What becomes of a placement that no target takes any more."
    )
    strategy: Name | None = Field(default=None, description="A RolloutStrategy. Absent: all placements at once.")
    depends_on: list[DependencySpec] = Field(default=[], description="Applications that must be healthy first.")
    moved_from: MovedFromSpec | None = Field(default=None, description="Absent: it had no other name.")
    sync: SyncSpec = Field(default=SyncSpec(), description="How placements are synced.")
    health: list[HealthSpec] = Field(default=[], description="Own health rules, before the built-in ones.")
    notify: list[NotifySpec] = Field(default=[], description="Who is told what.")

    @model_validator(mode="after")
    def _consistent(self) -> ApplicationSpec:
        _one_of(self, ("source", "sources"), "an application")
        for what, names in (
            ("targets", [target.name for target in self.targets]),
            ("sources", [source.name for source in self.sources or []]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                refuse(f"two {what} are called {twice[0]}", "give each a name of its own")
        return self


class ApplicationDocument(Head):
    """An application."""

    kind: Literal["Application"] = Field(description="Application.")
    metadata: LabelledMetadata = Field(description="Name and labels.")
    spec: ApplicationSpec = Field(description="What to run, how, and where.")
