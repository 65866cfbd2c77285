"""Commands about one cluster's account: take it in, renew its token, look at what it may do.

They run as the operator, on the machine that keeps the hub's credentials; the hub itself never sees the operator's
kubeconfig. What will be done is printed before anything is asked or done, and no token is ever printed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from common.credentials import (
    Credential,
    CredentialsMissingError,
    CredentialsProvider,
    DirectoryProvider,
    provider_from,
)
from common.domain import expiry
from common.domain.errors import PermanentError, TransientError
from common.domain.fleet import Proxy
from common.settings import Settings, settings
from common.yaml import REGISTRY_LIMITS, dump_all, load_documents
from console.cli.exits import Exit
from console.cli.output import Format, Output, ago, is_data, say, table, trouble
from console.cli.ways import ProxyCredentials, ProxyUrl, proxy_from, route_to
from console.client.address import on_this_machine
from console.client.hub import connect
from workers.public.clusters import (
    Access,
    Client,
    ClusterPool,
    ForbiddenError,
    Onboarding,
    Plan,
    Token,
    UnauthorisedError,
    access_from,
    operator_access,
    plan_admin,
    plan_namespaces,
    plan_rules,
)
from workers.public.clusters import kubeconfig as stored_form

REQUEST = timedelta(seconds=10)
EFFECTIVE = timedelta(seconds=30)
"""Longest that an API server may take to act on new RBAC."""
POLL = 0.25
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_USUAL = (("apps", "deployments"), ("", "services"), ("", "configmaps"), ("", "secrets"))
_VERBS = ("get", "list", "create", "patch", "delete")

Wanted = tuple[str, str, str, str]
Name = Annotated[str, typer.Argument(metavar="NAME", help="the cluster, as the registry calls it")]
Kubeconfig = Annotated[Path, typer.Option("--kubeconfig", help="your own; only used now, never stored")]
Context = Annotated[str, typer.Option(help="of the kubeconfig; the current one when left out")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]

app = typer.Typer(help="Take clusters in, renew their tokens, check them.", no_args_is_help=True, rich_markup_mode=None)


class AlreadyTakenInError(PermanentError):
    """The name has a credential or a document already."""

    code = "cluster.exists"


class NotEffectiveError(TransientError):
    """The new token may not do what the account was given, yet."""

    code = "cluster.rights"

    def __init__(self, denied: Sequence[str]) -> None:
        super().__init__(
            f"after {EFFECTIVE.seconds} s the new token still may not: {', '.join(denied)}",
            remedy="Nothing was stored and what was there still works. See who denies it, then try again.",
        )


@app.command("list")
def list_clusters(output: Output = Format.TABLE) -> None:
    """List the hub's clusters.

    Example: flotilla cluster list
    """
    clusters = connect().get_clusters()
    if is_data(output, clusters):
        return
    reach = {True: "reachable", False: "unreachable", None: "unknown"}
    rows = [
        (
            each["name"],
            each["state"] if each["declared"] else "frozen",
            "blocked" if each["blocked"] else reach[each["reachable"]],
            f"{each['synced']}/{each['placements']}",
            ago(each["last_seen_at"]),
            trouble(each),
        )
        for each in clusters
    ]
    table(("cluster", "state", "reached", "synced", "seen", ""), rows, empty="No clusters in the registry.")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be taken in, and what the registry will say of it."""

    name: str
    access: Access
    document: Mapping[str, Any]
    path: Path | None
    proxy: Proxy | None


@app.command()
def add(
    name: Name,
    kubeconfig: Kubeconfig,
    context: Context = "",
    namespaces: Annotated[str, typer.Option(help="admin in these alone: a,b; they must exist")] = "",
    rules: Annotated[Path | None, typer.Option(help="YAML list of RBAC rules, the account's only rights")] = None,
    registry: Annotated[Path | None, typer.Option(help="write DIR/clusters/NAME.yaml; else it is printed")] = None,
    label: Annotated[list[str] | None, typer.Option(help="k=v of the registry's document; repeatable")] = None,
    pool: Annotated[str, typer.Option(help="of workers")] = "",
    proxy: ProxyUrl = "",
    proxy_credentials: ProxyCredentials = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be done, and do nothing")] = False,
    yes: Yes = False,
) -> None:
    """Take a cluster in: make an account there, store its token, declare it in the registry.

    Example: flotilla cluster add eu-prod-03 --kubeconfig ~/.kube/config --registry ./fleet --label env=prod
    """
    on_this_machine("`flotilla cluster add`")
    plan, wanted = _plan(_split(namespaces), rules)
    access = operator_access(kubeconfig, context or None)
    way = proxy_from(proxy, proxy_credentials)
    document = _document(name, access, _labels(label or []), pool, way)
    target = Target(name, access, document, registry / "clusters" / f"{name}.yaml" if registry else None, way)
    _tell(target, plan)
    if dry_run:
        return
    chosen = settings()
    _refuse_taken(chosen, target)
    if not yes:
        typer.confirm(f"Do this on {access.server}?", abort=True)
    onboarding = Onboarding(_client(access))
    onboarding.apply(plan)
    token = onboarding.issue()
    _verified(chosen, target.name, access, token, wanted, way)
    _store(chosen, target.name, access, token)
    _declare(target)


@app.command()
def rotate(
    name: Name,
    kubeconfig: Kubeconfig,
    context: Context = "",
    proxy: ProxyUrl = "",
    proxy_credentials: ProxyCredentials = "",
    yes: Yes = False,
) -> None:
    """Renew a cluster's token: a new one is made, tried and stored, then all older ones are revoked.

    Example: flotilla cluster rotate eu-prod-03 --kubeconfig ~/.kube/config
    """
    on_this_machine("`flotilla cluster rotate`")
    chosen = settings()
    # Where the cluster is stays as stored: a token made anywhere else by mistake does not work there.
    stored = access_from(_directory(chosen).get(_reference(name)), _reference(name))
    operator = operator_access(kubeconfig, context or None)
    say(f"A new token for {name} will be made through {operator.server} and tried at {stored.server}.")
    say("Once it works and is stored, all older ones are revoked.")
    if not yes:
        typer.confirm("Do this?", abort=True)
    onboarding = Onboarding(_client(operator))
    token = onboarding.issue()
    _verified(chosen, name, stored, token, (), proxy_from(proxy, proxy_credentials))
    _store(chosen, name, stored, token)
    revoked = onboarding.revoke(besides=token.secret)
    say(f"revoked {len(revoked)}: {', '.join(revoked)}" if revoked else "there was no older token to revoke")


@app.command()
def check(
    name: Name,
    namespaces: Annotated[str, typer.Option(help="ask for the rights in these: a,b; everywhere if left out")] = "",
    proxy: ProxyUrl = "",
    proxy_credentials: ProxyCredentials = "",
    output: Output = Format.TABLE,
) -> None:
    """Connect as the hub does and say what is there and what may not be done. Exit 1 if anything is wrong.

    Example: flotilla cluster check eu-prod-03
    """
    on_this_machine("`flotilla cluster check`")
    reference, provider = _reference(name), provider_from(settings())
    access = access_from(provider.get(reference), reference)
    way = proxy_from(proxy, proxy_credentials)
    connection = ClusterPool(provider, REQUEST, settings().link_local).connect(
        name, server=access.server, credentials=reference, proxy=way
    )
    wanted = [(v, g, r, n) for n in _split(namespaces) or ("",) for g, r in _USUAL for v in _VERBS]
    expires_at = access.expires_at
    warning = expiry.warning(expires_at, now=datetime.now(UTC))
    seen = {
        "server": access.server,
        "version": connection.version(),
        "identity": connection.identity(),
        "expires": expires_at.isoformat() if expires_at else "not said",
        "warning": warning,
        "denied": Onboarding(_client(replace(access, route=route_to(access, way, provider)))).denied(wanted),
    }
    if not is_data(output, seen):
        for key in ("server", "version", "identity", "expires", "warning"):
            if seen[key]:
                say(f"{key:<9} {seen[key]}")
        say(f"{'rights':<9} {_rights(seen['denied'])}")
    raise typer.Exit(Exit.NO if seen["denied"] or warning else Exit.DONE)


def _rights(denied: Sequence[str]) -> str:
    if not denied:
        return "all that was asked for"
    return f"may not {', '.join(denied)} (limited to namespaces? ask with --namespaces)"


def _plan(namespaces: Sequence[str], rules: Path | None) -> tuple[Plan, tuple[Wanted, ...]]:
    if namespaces and rules:
        message = "give --namespaces or --rules, not both"
        raise typer.BadParameter(message)
    if namespaces:
        return plan_namespaces(namespaces), tuple((v, g, r, n) for n in namespaces for g, r in _USUAL for v in _VERBS)
    if rules is None:
        return plan_admin(), (("*", "*", "*", ""),)
    given = _rules(rules)
    return plan_rules(given), tuple(
        (verb, group, resource, "")
        for rule in given
        if not rule.get("resourceNames")
        for verb in rule.get("verbs", ())
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
    )


def _rules(path: Path) -> list[Mapping[str, Any]]:
    documents = load_documents(path.read_bytes(), REGISTRY_LIMITS)
    value = documents[0].value if len(documents) == 1 else None
    rules = value.get("rules") if isinstance(value, Mapping) else value
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, Mapping) for rule in rules):
        message = f"{path} is not a YAML list of RBAC rules, nor a document with one under rules"
        raise typer.BadParameter(message)
    return rules


def _document(name: str, access: Access, labels: Mapping[str, str], pool: str, proxy: Proxy | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"server": access.server, "credentials": {"secretRef": _reference(name)}}
    if pool:
        spec["pool"] = pool
    if proxy:
        spec["proxy"] = {"url": proxy.url}
        if proxy.credentials:
            spec["proxy"]["credentials"] = {"secretRef": proxy.credentials}
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": "flotilla.dev/v1", "kind": "Cluster", "metadata": metadata, "spec": spec}


def _labels(given: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for key, equals, _ in pairs:
        if not key or not equals:
            message = "a label is written k=v"
            raise typer.BadParameter(message)
    return {key: value for key, _, value in pairs}


def _tell(target: Target, plan: Plan) -> None:
    say(f"# On {target.access.server} ({plan.rights}), and a token for that account:")
    typer.echo(dump_all(plan.manifests), nl=False)
    if target.access.route and not target.proxy:
        say(f"# You reach it through {target.access.route}; give --proxy if the hub is to go through one too.")
    for limit in plan.limits:
        say(f"# What will not work: {limit}.")
    say(f"# In the registry{f', as {target.path}' if target.path else ''}:")
    typer.echo(dump_all([target.document]), nl=False)


def _refuse_taken(chosen: Settings, target: Target) -> None:
    try:
        _directory(chosen).get(_reference(target.name))
    except CredentialsMissingError:
        pass
    else:
        message = f"there is a credential for {target.name} already; nothing was done"
        raise AlreadyTakenInError(message, remedy=f"Renew it with `flotilla cluster rotate {target.name}`.")
    if target.path and target.path.exists():
        message = f"{target.path} exists already; nothing was done"
        raise AlreadyTakenInError(message, remedy="Leave --registry out and edit it by hand.")


@dataclass(frozen=True, slots=True)
class _Unstored:
    """Gives out a credential that is kept nowhere yet, and others as they are kept."""

    reference: str
    credential: Credential = field(repr=False)
    others: CredentialsProvider

    def get(self, ref: str) -> Credential:
        return self.credential if ref == self.reference else self.others.get(ref)


def _verified(
    chosen: Settings, name: str, access: Access, token: Token, wanted: Sequence[Wanted], proxy: Proxy | None
) -> None:
    """Return once the token works and may do what is wanted; nothing is stored before.

    Raises:
        NotEffectiveError: it does not within ``EFFECTIVE``.
        UnauthorisedError: the cluster does not know the token.
    """
    reference = _reference(name)
    stored = {"kubeconfig": orjson.dumps(stored_form(access, token, name))}
    fresh = _Unstored(reference, stored, provider_from(chosen))
    connection = ClusterPool(fresh, REQUEST, settings().link_local).connect(
        name, server=access.server, credentials=reference, proxy=proxy
    )
    account = replace(access_from(stored, reference), route=route_to(access, proxy, fresh))
    onboarding = Onboarding(_client(account))

    def ask() -> Sequence[str]:
        connection.identity()
        return onboarding.denied(wanted)

    denied = _until(ask)
    if denied:
        raise NotEffectiveError(denied)


def _until(ask: Callable[[], Sequence[str]]) -> Sequence[str]:
    until = time.monotonic() + EFFECTIVE.total_seconds()
    while True:
        try:
            denied = ask()
        except (UnauthorisedError, ForbiddenError):
            if time.monotonic() > until:
                raise
        else:
            if not denied or time.monotonic() > until:
                return denied
        time.sleep(POLL)


def _store(chosen: Settings, name: str, access: Access, token: Token) -> None:
    credential = {"kubeconfig": orjson.dumps(stored_form(access, token, name))}
    say(f"stored the token in {_directory(chosen).store(_reference(name), credential)}")
    if token.expires_at:
        say(f"it expires on {token.expires_at:%Y-%m-%d}; renew it with `flotilla cluster rotate {name}`")


def _declare(target: Target) -> None:
    if target.path is None:
        say("Put the Cluster document above into the registry.")
        return
    target.path.parent.mkdir(parents=True, exist_ok=True)
    target.path.write_text(dump_all([target.document]))
    say(f"wrote {target.path}; commit it")


def _directory(chosen: Settings) -> DirectoryProvider:
    return DirectoryProvider(chosen.credentials_dir or chosen.path("credentials"))


def _reference(name: str) -> str:
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no name of a cluster: lower case letters, digits and -, 63 at most"
        raise typer.BadParameter(message)
    return f"clusters/{name}"


def _split(names: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in names.split(","))))


def _client(access: Access) -> Client:
    return Client(access, REQUEST, link_local=settings().link_local)
