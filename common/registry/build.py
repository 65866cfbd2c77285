"""From validated documents to the frozen values of the domain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.domain import fleet
from common.domain.runs import RetryPolicy
from common.registry.documents import Source
from common.registry.schema import application as app
from common.registry.schema import base, core, rollouts, sources
from common.registry.schema import health as rules
from common.registry.schema.links import LinkSpec
from common.registry.schema.rendering import RenderSpec
from common.registry.schema.versions import PinSpec
from common.sources.kinds import Declared
from common.yaml import Path


def selector(spec: base.SelectorSpec) -> fleet.Selector:
    """Return a selector."""
    return fleet.Selector(
        match_labels=tuple(spec.match_labels.items()),
        requirements=tuple(fleet.Requirement(r.key, r.operator, tuple(r.values)) for r in spec.match_expressions),
        scope=fleet.Scope.ALL if spec.all else fleet.Scope.LABELS,
    )


def _value_lines(source: Source) -> dict[Path, dict[fleet.ValuePath, int]]:
    """Return the line of every value by the path of its ``values`` key; in one go, as a document may have thousands."""
    found: dict[Path, dict[fleet.ValuePath, int]] = {}
    for path, line in source.document.lines.items():
        depth = 2 if path[:2] == ("spec", "values") else 4
        below = path[depth:]
        if below and path[depth - 1] == "values" and not any(isinstance(step, int) for step in below):
            found.setdefault(path[:depth], {})[tuple(map(str, below))] = source.line - 1 + line
    return found


def _layer(
    source: Source, path: Path, origin: str, values: dict[str, Any], lines: dict[Path, dict[fleet.ValuePath, int]]
) -> fleet.ValueLayer:
    return fleet.ValueLayer(origin, values, source.where(path), lines.get(path, {}))


def cluster(source: Source, document: core.ClusterDocument) -> fleet.Cluster:
    """Return a cluster; one whose document left the registry is treated as frozen."""
    spec = document.spec
    return fleet.Cluster(
        name=document.metadata.name,
        server=spec.server,
        credentials=spec.credentials.secret_ref,
        labels=document.metadata.labels,
        pool=spec.pool,
        vars=spec.vars,
        state=spec.state,
        max_concurrent=spec.max_concurrent,
        proxy=None if spec.proxy is None else _proxy(spec.proxy),
        removed=source.removed,
        where=source.where(),
    )


def _proxy(spec: core.ProxySpec) -> fleet.Proxy:
    return fleet.Proxy(spec.url.rstrip("/"), "" if spec.credentials is None else spec.credentials.secret_ref)


def group(source: Source, document: core.ClusterGroupDocument) -> fleet.ClusterGroup:
    """Return a cluster group."""
    spec, name = document.spec, document.metadata.name
    return fleet.ClusterGroup(
        name=name,
        select=selector(spec.select),
        priority=spec.priority,
        values=_layer(source, ("spec", "values"), f"group {name}", spec.values, _value_lines(source)),
        where=source.where(),
    )


def links(specs: Iterable[LinkSpec]) -> tuple[fleet.Link, ...]:
    """Return templates of links."""
    return tuple(fleet.Link(one.name, one.url) for one in specs)


def project(source: Source, document: core.ProjectDocument) -> fleet.Project:
    """Return a project."""
    spec = document.spec
    return fleet.Project(
        name=document.metadata.name,
        paths=tuple(spec.paths),
        repos=tuple(spec.repos),
        clusters=fleet.NOTHING if spec.clusters is None else selector(spec.clusters),
        namespaces=tuple(spec.namespaces.allow),
        create_namespaces=spec.namespaces.create,
        denied_kinds=tuple(spec.kinds.deny),
        allowed_kinds=tuple(spec.kinds.allow),
        cluster_kinds=() if spec.cluster_kinds is None else tuple(spec.cluster_kinds.allow),
        credentials=tuple(spec.credentials),
        service_account=spec.service_account or "",
        roles=tuple(fleet.Role(r.name, tuple(r.groups), tuple(r.can)) for r in spec.roles),
        ci=tuple(map(_ci, spec.ci)),
        channels=tuple(fleet.Channel(c.name, c.url_ref) for c in spec.channels),
        not_by_self=spec.approvals.not_by_self,
        links=links(spec.links),
        badges=spec.badges,
        where=source.where(),
    )


def _ci(spec: core.CiSpec) -> fleet.CiRule:
    claims = ((name, (found,) if isinstance(found, str) else tuple(found)) for name, found in spec.claims.items())
    return fleet.CiRule(spec.issuer, tuple(sorted(claims)), tuple(spec.can))


def _gate(spec: rollouts.GateSpec) -> fleet.Gate:
    if spec.approval is not None:
        return fleet.ApprovalGate(spec.approval.by, spec.approval.count)
    if spec.metric is not None:
        metric = spec.metric
        return fleet.MetricGate(metric.provider, metric.query, metric.lasting, metric.min, metric.max)
    return fleet.JobGate(spec.job.application if spec.job else "")


def strategy(source: Source, document: rollouts.RolloutStrategyDocument) -> fleet.RolloutStrategy:
    """Return a rollout strategy."""
    spec = document.spec
    waves = tuple(
        fleet.Wave(
            name=wave.name,
            select=None if wave.select is None else selector(wave.select),
            max_concurrent=wave.max_concurrent,
            max_failures=wave.max_failures,
            deadline=wave.deadline,
            soak=wave.soak,
            after=tuple(map(_gate, wave.after)),
            windows=tuple(wave.windows),
            allow_empty=wave.allow_empty,
        )
        for wave in spec.waves
    )
    return fleet.RolloutStrategy(
        name=document.metadata.name,
        waves=waves,
        unreachable=spec.unreachable,
        on_breach=spec.on_breach,
        on_new_revision=spec.on_new_revision,
        where=source.where(),
    )


def window(source: Source, document: rollouts.SyncWindowDocument) -> fleet.SyncWindow:
    """Return a sync window."""
    spec = document.spec
    allow, deny = (
        tuple(fleet.WindowRule(rule.cron, rule.duration, rule.time_zone) for rule in rules)
        for rules in (spec.allow, spec.deny)
    )
    return fleet.SyncWindow(document.metadata.name, allow, deny, spec.manual, source.where())


def application(source: Source, document: app.ApplicationDocument, defaults: core.FleetDefaults) -> fleet.Application:
    """Return an application with the fleet's defaults filled in."""
    spec, name = document.spec, document.metadata.name
    lines = _value_lines(source)
    return fleet.Application(
        name=name,
        sources=_sources(spec),
        namespace=spec.namespace,
        targets=tuple(_target(source, index, target, lines) for index, target in enumerate(spec.targets)),
        project=spec.project or fleet.DEFAULT_PROJECT.name,
        labels=document.metadata.labels,
        state=spec.state,
        interval=spec.interval or defaults.interval,
        render=None if spec.render is None else _render(spec.render),
        decrypt="" if spec.decrypt is None else spec.decrypt.sops.key_ref,
        substitute=_substitution(spec.substitute),
        create_namespace=spec.create_namespace,
        values=_layer(source, ("spec", "values"), f"application {name}", spec.values, lines),
        on_unmatch=spec.on_unmatch,
        strategy=spec.strategy or "",
        depends_on=tuple(
            fleet.Dependency(d.application, None if d.clusters is None else selector(d.clusters))
            for d in spec.depends_on
        ),
        moved_from="" if spec.moved_from is None else spec.moved_from.application,
        sync=_sync(spec.sync, defaults),
        health=tuple(map(health, spec.health)),
        notify=tuple(fleet.NotifyRule(tuple(n.on), n.to) for n in spec.notify),
        where=source.where(),
    )


def _substitution(spec: bool | app.SubstituteSpec) -> fleet.Substitution | None:  # noqa: FBT001 - as it is written
    if isinstance(spec, bool):
        return fleet.Substitution() if spec else None
    return fleet.Substitution(spec.undefined, spec.scope)


def health(spec: rules.HealthSpec) -> fleet.HealthRule:
    """Return a rule of an application."""
    return fleet.HealthRule(spec.kind, spec.group, spec.healthy or "", spec.failed or "")


def health_rule(document: rules.HealthRuleDocument) -> fleet.HealthRule:
    """Return a rule for the whole fleet."""
    spec = document.spec
    return fleet.HealthRule(
        spec.kind, spec.group, spec.healthy or "", spec.failed or "", spec.lua or "", document.metadata.name
    )


def _sources(spec: app.ApplicationSpec) -> tuple[fleet.Source, ...]:
    if spec.source is not None:
        return (_source(spec.source, ""),)
    return tuple(_source(source, source.name) for source in spec.sources or [])


def _source(spec: sources.SourceSpec, name: str) -> fleet.Source:
    credentials = "" if spec.credentials is None else spec.credentials.secret_ref
    keys = () if spec.verify is None else tuple(spec.verify.keys)
    return spec.kind.declared(spec.part, Declared(credentials, keys, name))


def _pin(spec: PinSpec) -> fleet.Ref:
    """Return the one key that the model has made sure is given."""
    kind, value = next((kind, value) for kind, value in spec if value is not None)
    return fleet.Ref(fleet.RefKind(kind), value)


def _render(spec: RenderSpec) -> fleet.RenderSettings:
    name, options = next((name, options) for name, options in spec if options is not None)
    if isinstance(options, str):
        return fleet.RenderSettings(name, {"name": options})
    given = options.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    return fleet.RenderSettings(name, given)


def _target(
    source: Source, index: int, spec: app.TargetSpec, lines: dict[Path, dict[fleet.ValuePath, int]]
) -> fleet.Target:
    path: Path = ("spec", "targets", index)
    return fleet.Target(
        name=spec.name,
        clusters=tuple(spec.clusters or ()),
        select=None if spec.select is None else selector(spec.select),
        values=_layer(source, (*path, "values"), f"target {spec.name}", spec.values, lines),
        pin=None if spec.pin is None else _pin(spec.pin),
        expect=None if spec.expect is None else fleet.Expect(spec.expect.min, spec.expect.max),
        where=source.where(path),
    )


def _sync(spec: app.SyncSpec, defaults: core.FleetDefaults) -> fleet.SyncSettings:
    prune, guards = spec.prune, defaults.prune
    return fleet.SyncSettings(
        mode=spec.mode,
        deadline=spec.deadline,
        retry=RetryPolicy(spec.retry.limit, spec.retry.base, float(spec.retry.factor), spec.retry.ceiling),
        windows=tuple(spec.windows),
        prune=fleet.PrunePolicy(
            guards.enabled if prune.enabled is None else prune.enabled,
            guards.max_objects if prune.max_objects is None else prune.max_objects,
            guards.max_percent if prune.max_percent is None else prune.max_percent,
        ),
        adopt=spec.adopt,
        ignore=tuple(
            fleet.IgnoreRule(i.kind, tuple(i.paths), i.group, i.namespace, i.name, tuple(i.managers))
            for i in spec.ignore
        ),
        conflicts=spec.conflicts,
        extra_fields=spec.extra_fields,
    )
