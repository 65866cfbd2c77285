"""``flotilla doctor``: what a hub needs, checked one by one, each with what to do about it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from common.broker import keys
from common.broker.app import make_celery
from common.broker.errors import BrokerUnavailableError
from common.broker.sender import CelerySender
from common.domain import expiry, formatting
from common.domain.errors import FlotillaError
from common.domain.foreign import said
from common.domain.refs import GitRef
from common.domain.rights import ALL
from common.domain.work import Severity, slots_by_queue
from common.sandbox import layers
from common.sandbox.launch import Strictness
from common.sandbox.layers import Held, Layer
from common.settings import Settings
from common.sources.registry import GitRepository
from common.store.engine import indexes, roles, upgrade
from common.store.engine.connection import Connection
from common.store.engine.session import Database, open_database
from common.store.queue import workers
from common.store.reads.fleet import clusters as cluster_views
from common.store.reads.summary import summary
from common.store.reads.work import needed_queues
from common.store.schema import enforced
from common.store.state import clusters
from console import work
from console.inspect import fleetwide
from console.inspect.fleetwide import Contested
from console.processes import sockets
from workers.public.rendering import allowed_commands, command_identity

SHOWN = 3
"""Objects that are named where there are many."""
MANY = 5_000
"""Placements from which on SQLite is no longer advised."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked; ``state`` is ok, warning or failed."""

    what: str
    state: str
    detail: str
    remedy: str = ""


def examine(config: Settings) -> Iterator[Finding]:
    """Yield a finding for every check; one that fails stops no other."""
    yield _guarded("git", _git)
    yield _guarded("renderers", lambda: _renderers(config))
    held = layers.held()
    yield sandbox_finding("sandbox", held.by_name, config)
    yield from command_findings(config, held)
    yield _guarded("registry", lambda: _registry(config))
    yield socket_finding(config)
    broker = _guarded("broker", lambda: _broker(config))
    yield broker
    if not config.database_url and not (config.home / "flotilla.db").exists():
        yield Finding("database", "failed", f"there is no hub in {config.home}", "Start one with `flotilla up`.")
        return
    try:
        database = open_database(config)
        with database.read() as connection:
            database.now(connection)
    except (FlotillaError, OSError) as error:
        detail = error.message if isinstance(error, FlotillaError) else said(error)
        yield Finding("database", "failed", detail, "See FLOTILLA_DATABASE_URL, and that the server is up.")
        return
    try:
        yield from _database(config, database, broker)
        yield from _clusters(config, database)
    finally:
        database.dispose()


def _guarded(what: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except FlotillaError as error:
        return Finding(what, "failed", error.message, error.remedy)
    except OSError as error:
        return Finding(what, "failed", said(error), "See that the file exists and can be read.")


def _git() -> Finding:
    if shutil.which("git") is None:
        return Finding("git", "failed", "not found", "Install git 2.39 or newer.")
    said = subprocess.run(("git", "--version"), capture_output=True, text=True, check=False, timeout=10)
    return Finding("git", "ok", said.stdout.strip())


def _renderers(config: Settings) -> Finding:
    for tool in filter(None, (config.kustomize, "kustomize", "kubectl")):
        path = shutil.which(tool)
        if path:
            return Finding("renderers", "ok", f"plain YAML, Helm and Jsonnet built in; Kustomize by {path}")
    remedy = "Install kustomize or kubectl, or set FLOTILLA_KUSTOMIZE."
    return Finding(
        "renderers", "warning", "plain YAML, Helm and Jsonnet; for Kustomize, no kustomize or kubectl was found", remedy
    )


def sandbox_finding(what: str, held: Mapping[str, bool], config: Settings) -> Finding:
    """Say which layers of the renderers' sandbox hold.

    Args:
        what: is said to be checked.
        held: whether it holds, for each layer.
        config: of this process.
    """
    missing = [layer for layer in Layer if not held.get(layer.value, False)]
    if not missing:
        return Finding(what, "ok", f"renderers are confined: {', '.join(Layer)}")
    could = ", ".join(layers.MEANINGS[layer] for layer in missing)
    fatal = not set(layers.REQUIRED).isdisjoint(missing) and config.sandbox is Strictness.STRICT
    return Finding(what, "failed" if fatal else "warning", f"a renderer could {could}", layers.REMEDY)


def command_findings(config: Settings, held: Held) -> Iterator[Finding]:
    """Say of each command that this machine's operator allows whether it can be run.

    Args:
        config: of this process.
        held: which layers of the sandbox hold: without those that must, no command is run, whatever is set.
    """
    try:
        commands = allowed_commands(config.render_commands).values()
    except FlotillaError as error:
        yield Finding("render commands", "failed", error.message, error.remedy)
        return
    for command in commands:
        what = f"render command {command.name}"
        if held.lacking:
            could = " and ".join(layers.MEANINGS[layer] for layer in held.lacking)
            yield Finding(what, "failed", f"it is not run: it could {could}", layers.REMEDY)
            continue
        try:
            yield Finding(what, "ok", f"{command.path}, {command_identity(command)}")
        except FlotillaError as error:
            yield Finding(what, "failed", error.message, error.remedy)


def socket_finding(config: Settings) -> Finding:
    """Say whether commands on this machine find a running API at its socket, or what would keep it from being there."""
    path = config.api_socket
    if sockets.answers(path):
        return Finding("socket", "ok", f"an API answers commands at {path}")
    why, remedy = sockets.why_none(path)
    if why:
        return Finding("socket", "warning", f"commands cannot ask a running API, and take longer: {why}", remedy)
    return Finding("socket", "ok", f"no API answers at {path}: commands run its code themselves")


def _registry(config: Settings) -> Finding:
    if not config.registry_url:
        remedy = "Set FLOTILLA_REGISTRY_URL to the Git repository that declares the fleet."
        return Finding("registry", "failed", "no registry is set", remedy)
    source = GitRef.read(config.registry_url, config.registry_credentials, config.registry_ref)
    return Finding("registry", "ok", f"reached, at {GitRepository.from_settings(config).head(source)[:12]}")


def _broker(config: Settings) -> Finding:
    try:
        CelerySender(make_celery(config, keys.NONE)).prove()
    except BrokerUnavailableError as error:
        away = error.code == BrokerUnavailableError.code
        remedy = "Start the hub, or correct FLOTILLA_BROKER_URL." if away else error.remedy
        return Finding("broker", "failed", error.message, remedy)
    return Finding("broker", "ok", "takes messages")


def _database(config: Settings, database: Database, broker: Finding) -> Iterator[Finding]:
    found = _guarded("database", lambda: _schema(database))
    yield found
    if found.state == "failed":
        return
    with database.read() as connection:
        yield from _work(connection, database, config, broker)
        yield from pool_roles(connection)
        for name, held in sorted(workers.sandboxes(connection, now=database.now(connection)).items()):
            if not all(held.values()):
                yield sandbox_finding(f"sandbox of {name}", held, config)
        for cluster in cluster_views(connection, ALL):
            ending = expiry.warning(cluster.credentials_expire_at, now=database.now(connection))
            if ending:
                remedy = f"flotilla cluster rotate {cluster.name} --kubeconfig FILE"
                yield Finding(f"credentials of {cluster.name}", "warning", ending, remedy)
            if cluster.blocked:
                yield Finding(f"cluster {cluster.name}", "failed", cluster.blocked, "See `flotilla approvals`.")


def pool_roles(connection: Connection) -> Iterator[Finding]:
    """Say which pools' workers have no database role that bounds them; on SQLite, which knows no roles, nothing."""
    if connection.dialect.name != "postgresql":
        return
    known = set(roles.pools(connection).values())
    without = sorted({one.pool for one in clusters.facts(connection).values() if one.declared} - known)
    if without:
        detail = f"of {', '.join(without)}: none; as the tables' owner their workers reach every pool"
        yield Finding("database roles", "warning", detail, f"flotilla db grant {without[0]} --password-file FILE")
    elif known:
        yield Finding("database roles", "ok", f"of {', '.join(sorted(known))}")


def _schema(database: Database) -> Finding:
    if not upgrade.is_current(database):
        return Finding("database", "failed", "another version's schema", "flotilla db upgrade")
    with database.read() as connection:
        gone = enforced.missing(connection)
        slow = indexes.missing(connection)
        placements = summary(connection, ALL).placements
    if slow and not gone:
        detail = f"schema current, but some pages are slow: {', '.join(slow)} are not built"
        return Finding("database", "warning", detail, "flotilla db upgrade")
    if gone:
        return Finding("database", "failed", f"guards are missing: {', '.join(gone)}", "flotilla db upgrade")
    if database.dialect == "sqlite" and placements > MANY:
        remedy = "Move to PostgreSQL: SQLite is for one host and a few thousand placements."
        return Finding("database", "warning", f"SQLite with {placements} placements", remedy)
    return Finding("database", "ok", f"{database.dialect}, schema current, {placements} placements")


def _work(connection: Connection, database: Database, config: Settings, broker: Finding) -> Iterator[Finding]:
    """Say for each queue whether work reaches workers, and what else keeps it from going on."""
    now = database.now(connection)
    slots = slots_by_queue(workers.states(connection, now=now))
    found = work.look(connection, database, config)
    for queue in sorted(needed_queues(connection)):
        if not slots.get(queue):
            continue  # that is one of the findings below
        if broker.state == "failed":
            detail = "they send heartbeats, but no work reaches them without the broker"
            yield Finding(f"workers of {queue}", "failed", detail, "See the broker.")
        else:
            yield Finding(f"workers of {queue}", "ok", formatting.of(slots[queue], "run at once"))
    for one in found:
        subject = one.code.partition(".")[0]
        if subject == "broker" and broker.state == "failed":
            continue  # said already
        state = "failed" if one.severity is Severity.ERROR else "warning"
        yield Finding(subject, state, work.message(one), work.remedy(one))


def _clusters(config: Settings, database: Database) -> Iterator[Finding]:
    """Ask every cluster who it is, and whether another tool still tracks what was taken over there."""
    if not upgrade.is_current(database):
        return
    asked = fleetwide.to_ask(database)
    answered = 0
    for answer in fleetwide.ask(config, asked):
        if answer.error is not None:
            yield Finding(f"cluster {answer.cluster}", "failed", answer.error.message, answer.error.remedy)
            continue
        answered += 1
        yield from map(_contested, answer.contested)
        if answer.unread:
            detail = f"objects were adopted there, and {', '.join(answer.unread)} objects may not be read"
            remedy = "See by hand that no other tool still tracks them."
            yield Finding(f"cluster {answer.cluster}", "warning", detail, remedy)
    if asked:
        yield Finding("clusters", "ok", f"{answered} of {len(asked)} answer to their credentials")


def _contested(one: Contested) -> Finding:
    shown = ", ".join(f"{each.kind} {each.name}" for each in one.objects[:SHOWN])
    more = f" and {len(one.objects) - SHOWN} more" if len(one.objects) > SHOWN else ""
    detail = f"{one.tracker.name} is not suspended and still tracks {shown}{more}"
    return Finding(f"adopted by {', '.join(map(str, one.placements))}", "failed", detail, one.tracker.suspend)
