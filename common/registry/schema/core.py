"""The kinds that everything rests on: Fleet, Cluster, ClusterGroup, Project. A fault in one refuses the commit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from common.domain.addresses import proxy_address, server_address
from common.domain.fleet import ClusterState
from common.domain.rights import BuiltInRole, Verb
from common.registry.schema.base import (
    LAX,
    Base,
    Count,
    CredentialsSpec,
    Duration,
    Glob,
    Head,
    LabelKey,
    LabelledMetadata,
    LabelValue,
    Metadata,
    Name,
    Percent,
    Reference,
    SelectorSpec,
    Text,
    address,
    refuse,
)
from common.registry.schema.links import Links

Server = Annotated[str, address(server_address)]


Values = dict[str, Any]
"""A key ``cluster`` in it is for charts alone: everywhere else that is the cluster's own."""


class PruneDefaults(Base):
    """Guards of removals: over one of them nothing is deleted and an approval is asked for."""

    enabled: bool = Field(default=True, description="Whether objects that left the manifests are removed.")
    max_objects: Count = Field(default=20, description="Most objects one run removes without an approval.")
    max_percent: Percent = Field(default=30, description="The same in percent; counts from 4 removals on.")


class FleetDefaults(Base):
    """What applications have that do not say otherwise."""

    interval: Duration = Field(
        default=timedelta(minutes=5), description="How often a placement is looked at when nothing changed."
    )
    prune: PruneDefaults = Field(default=PruneDefaults(), description="Guards of removals.")


class LeavingSpec(Base):
    """Placements that may leave by one registry commit without an approval; both bounds hold."""

    max_placements: Count = Field(default=10, description="As a count.")
    max_percent: Percent = Field(default=5, description="In percent of what is placed before the commit.")


class PruneBudgetSpec(Base):
    """Bound of removals over the fleet."""

    max_objects: Count = Field(
        default=100,
        description="Objects one revision of one application may remove over the fleet without an approval.",
    )


def _groups(value: list[str]) -> list[str]:
    if not value:
        refuse("a role of no group is nobody's", "name the groups of the identity provider that have it, or remove it")
    return value


Groups = Annotated[list[Text], AfterValidator(_groups)]


def _once(roles: list[Any]) -> list[Any]:
    """Refuse a name that is given twice: which of the two holds would hang on their order."""
    seen: set[str] = set()
    for role in roles:
        if role.name in seen:
            refuse(f"role {role.name} is given twice", "name all of its groups in one")
        seen.add(role.name)
    return roles


class FleetRoleSpec(Base):
    """Who has one of the roles of the whole fleet."""

    name: Annotated[BuiltInRole, LAX] = Field(
        description="reader: read everything; operator: everything but approve and administer; admin: everything."
    )
    groups: Groups = Field(description="Groups of the identity provider, or of local users.")


class FleetSpec(Base):
    """Rules for the whole fleet."""

    labels: dict[LabelKey, list[LabelValue] | Literal["*"]] | None = Field(
        default=None,
        description="The vocabulary of cluster labels: values by key, '*' for any. Absent: every label is allowed.",
    )
    defaults: FleetDefaults = Field(default=FleetDefaults(), description="Defaults of applications.")
    leaving: LeavingSpec = Field(default=LeavingSpec(), description="Bounds of leaving.")
    prune_budget: PruneBudgetSpec = Field(default=PruneBudgetSpec(), description="Bound of removals over the fleet.")
    roles: Annotated[list[FleetRoleSpec], AfterValidator(_once)] = Field(
        default=[], description="Who has the roles of the whole fleet."
    )
    links: Links = Field(default=[], description="To logs and dashboards, of the placements of all projects.")


class FleetDocument(Head):
    """The fleet; exactly one in a registry."""

    kind: Literal["Fleet"] = Field(description="Fleet.")
    metadata: Metadata = Field(description="Its name is part of every ownership mark: it never changes.")
    spec: FleetSpec = Field(default=FleetSpec(), description="Rules for the whole fleet.")


class ProxySpec(Base):
    """What stands on the way to a cluster."""

    url: Annotated[str, address(proxy_address)] = Field(
        description="http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT; names are resolved at its end."
    )
    credentials: CredentialsSpec | None = Field(
        default=None, description="username and password there, and ca.crt for an https proxy. Absent: none."
    )


class ClusterSpec(Base):
    """One Kubernetes API endpoint."""

    server: Server = Field(description="https URL of the API server.")
    credentials: CredentialsSpec = Field(description="How the worker signs in.")
    pool: Name = Field(default="default", description="Worker pool that serves it.")
    vars: dict[str, Any] = Field(default={}, description="Given to renderers under cluster.vars.")
    state: Annotated[ClusterState, LAX] = Field(
        default=ClusterState.ACTIVE,
        description="joining: discovered, nothing written; active; frozen: observed, nothing written; "
        "draining: what we own is removed after one approval; retired: not contacted.",
    )
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = Field(default=4, description="Syncs at once against it.")
    proxy: ProxySpec | None = Field(
        default=None, description="Through which it is reached. Absent: the environment's, if that names one."
    )


class ClusterDocument(Head):
    """A cluster of the fleet."""

    kind: Literal["Cluster"] = Field(description="Cluster.")
    metadata: LabelledMetadata = Field(description="Name, and the labels that selectors match.")
    spec: ClusterSpec = Field(description="Where it is and how it is treated.")


class ClusterGroupSpec(Base):
    """Values for a selection of clusters."""

    select: SelectorSpec = Field(description="Which clusters.")
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = Field(
        default=0, description="A higher one wins over a lower one; equal ones go by name."
    )
    values: Values = Field(default={}, description="Lie over the application's, under the target's.")


class ClusterGroupDocument(Head):
    """A name and values for a selection of clusters."""

    kind: Literal["ClusterGroup"] = Field(description="ClusterGroup.")
    metadata: Metadata = Field(description="Its name.")
    spec: ClusterGroupSpec = Field(description="Which clusters, and their values.")


class NamespacesSpec(Base):
    """Namespaces of a project."""

    allow: list[Glob] = Field(default=[], description="Patterns; none allows no namespace.")
    create: bool = Field(
        default=False, description="Whether applications may make or relabel those: by createNamespace or an object."
    )


class KindsSpec(Base):
    """Kinds of a project."""

    deny: list[Glob] = Field(default=[], description="Patterns of GROUP/KIND; the core group is empty: /Namespace.")
    allow: list[Glob] = Field(
        default=[],
        description="Patterns of kinds in rbac.authorization.k8s.io that it may use although it has no serviceAccount.",
    )


class ClusterKindsSpec(Base):
    """Cluster-scoped kinds of a project."""

    allow: list[Glob] = Field(
        default=[], description="Patterns of GROUP/KIND. Absent: none but Namespace, by namespaces.create."
    )


def _of_a_project(value: list[Verb]) -> list[Verb]:
    if not value:
        refuse("a role that gives nothing", "list what its members may do, or remove it")
    if Verb.ADMIN in value:
        refuse(
            "admin is about users, tokens and the audit of the whole fleet: no project gives it",
            "bind the role admin to a group in spec.roles of the Fleet",
        )
    return value


class RoleSpec(Base):
    """What the members of some groups may do."""

    name: Name = Field(description="Its name.")
    groups: Groups = Field(description="Groups of the identity provider, or of local users.")
    can: Annotated[list[Annotated[Verb, LAX]], AfterValidator(_of_a_project)] = Field(
        description="What they may do to the project's applications; each implies read."
    )


WHOSE = (
    "sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "job_workflow_ref",
    "project_path", "project_id", "namespace_path", "namespace_id", "repositoryUuid", "workspaceUuid",
    "oidc.circleci.com/project-id", "organization_id", "organization_slug", "pipeline_id", "pipeline_slug", "email",
)  # fmt: skip
"""Claims that say whose a pipeline is. An issuer may serve the whole world: a branch's name is everybody's."""
_MOST_CLAIMS = 20


def _claims(value: dict[str, Any]) -> dict[str, Any]:
    if not set(WHOSE) & set(value):
        refuse(
            "claims that say nothing of whose the pipeline is: those of strangers may have them too",
            "name its repository or project, by one of " + ", ".join(WHOSE),
        )
    if len(value) > _MOST_CLAIMS or [] in value.values():
        refuse("claims without a value, or more than 20", "give each claim the values of which a token has one")
    return value


def _issuer(value: str) -> str:
    loopback = value.startswith(("http://127.0.0.1", "http://localhost"))
    if not (value.startswith("https://") or loopback) or not value.isascii() or len(value) > 500:
        refuse("an issuer is an https URL", "write it letter by letter as its tokens do in `iss`")
    return value


class CiSpec(Base):
    """What some pipelines of a CI may do, by the token that it signs for each."""

    issuer: Annotated[Text, AfterValidator(_issuer)] = Field(
        description="URL of the CI, as its tokens have it in iss; one that the hub's operator allows."
    )
    claims: Annotated[dict[Text, Text | list[Text]], AfterValidator(_claims)] = Field(
        description="Claims of the token, compared letter by letter: each has the value, or one of the values."
    )
    can: Annotated[list[Annotated[Verb, LAX]], AfterValidator(_of_a_project)] = Field(
        description="What they may do to the project's applications; each implies read."
    )


class ChannelSpec(Base):
    """Where notifications go."""

    name: Name = Field(description="What applications call it.")
    url_ref: Reference = Field(description="Reference of the secret URL.")


class ApprovalsSpec(Base):
    """Who may decide what waits for a person."""

    not_by_self: bool = Field(
        default=False, description="Nobody approves what their own request made the hub ask for; another person has to."
    )


class ProjectSpec(Base):
    """What an application in it may use; an absent list allows nothing."""

    paths: list[Glob] = Field(default=[], description="Registry files whose documents may name this project.")
    repos: list[Glob] = Field(default=[], description="Patterns of source URLs.")
    clusters: SelectorSpec | None = Field(default=None, description="Clusters its targets choose from. Absent: none.")
    namespaces: NamespacesSpec = Field(default=NamespacesSpec(), description="Namespaces it may use.")
    kinds: KindsSpec = Field(default=KindsSpec(), description="Kinds it may not use.")
    cluster_kinds: ClusterKindsSpec | None = Field(
        default=None, description="Kinds without a namespace that it may use. Absent: none."
    )
    credentials: list[Glob] = Field(default=[], description="Patterns of credential references.")
    service_account: Name | None = Field(default=None, description="Impersonated on the cluster. Absent: none.")
    roles: Annotated[list[RoleSpec], AfterValidator(_once)] = Field(default=[], description="Who may do what.")
    ci: list[CiSpec] = Field(default=[], description="What pipelines of a CI may do, by its OIDC tokens.")
    channels: list[ChannelSpec] = Field(default=[], description="Where notifications go.")
    approvals: ApprovalsSpec = Field(default=ApprovalsSpec(), description="Who may decide what waits for a person.")
    links: Links = Field(
        default=[], description="To its logs and dashboards; one named as the fleet's stands in its place."
    )
    badges: bool = Field(
        default=False, description="Whether anybody, without signing in, gets the badges of its applications."
    )


class ProjectDocument(Head):
    """Tenancy. A registry without one has one project, default, that may use everything."""

    kind: Literal["Project"] = Field(description="Project.")
    metadata: Metadata = Field(description="Its name.")
    spec: ProjectSpec = Field(description="What its applications may use.")
