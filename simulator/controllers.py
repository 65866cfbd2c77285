"""The controllers of a cluster, run lazily: whatever is due is done before the next request is answered."""

from __future__ import annotations

import base64
from typing import Any

from simulator import apply, crd, deletes, made, managers, workloads
from simulator.apply import Writer
from simulator.kinds import Kind
from simulator.store import Cluster, Place, Stored

Json = dict[str, Any]
MANAGER = "kube-controller-manager"


def settle(cluster: Cluster) -> None:
    """Bring everything that is due to where the controllers would bring it."""
    for key, place in cluster.due():
        kind = cluster.kind_of(key)
        stored = cluster.objects.get(key, {}).get(place)
        if kind is None or stored is None:
            continue
        if b'"deletionTimestamp"' in stored.meta:
            deletes.finish(cluster, kind, place, stored)
        else:
            _report(cluster, kind, place, stored)


def notice(cluster: Cluster, kind: Kind, place: Place) -> None:
    """Have the controllers see a written object: at once what an API server does itself, later the rest."""
    if kind.key == crd.KEY:
        _establish(cluster, kind, place)
        return
    if cluster.options.ready_after is None:
        return
    if kind.key == ("", "secrets"):
        _issue_token(cluster, kind, place)
    if (kind.group, kind.kind) in workloads.watched_kinds():
        cluster.remind(cluster.options.ready_after, kind.key, place)


def forget(cluster: Cluster, kind: Kind, place: Place, last: Stored) -> None:
    """Do what follows from an object being gone."""
    if kind.key != crd.KEY or cluster.get(kind, place) is not None:
        return
    definition = last.document()
    crd.withdraw(cluster, definition)
    spec = definition["spec"]
    gone = (spec["group"], spec["names"]["plural"])
    for instance in list(cluster.objects.get(gone, {})):
        cluster.drop(gone, instance)


def _establish(cluster: Cluster, kind: Kind, place: Place) -> None:
    stored = cluster.get(kind, place)
    if stored is None:
        return
    document = stored.document()
    status = crd.serve(cluster, document, cluster.now())
    if document.get("status") != status:
        _write_status(cluster, kind, place, stored, status, manager="kube-apiserver")


def _report(cluster: Cluster, kind: Kind, place: Place, stored: Stored) -> None:
    made.tend(cluster, kind, place, stored)
    document = stored.document()
    status = workloads.settled_status(kind.group, kind.kind, document, cluster.now())
    if status is None or _same_but_for_times(document.get("status"), status):
        return
    _write_status(cluster, kind, place, stored, status, manager=MANAGER)


def _same_but_for_times(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        names = {name for name in (*before, *after) if not name.endswith("Time")}
        return all(_same_but_for_times(before.get(name), after.get(name)) for name in names)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same_but_for_times, before, after))
    return bool(before == after)


def _write_status(cluster: Cluster, kind: Kind, place: Place, stored: Stored, status: Json, *, manager: str) -> None:
    live = stored.document()
    known = managers.decode(live["metadata"].pop("managedFields", None))
    new = {**live, "metadata": dict(live["metadata"]), "status": status}
    writer = Writer(manager, kind.api_version, "status", cluster.now(), frozenset({"spec", "metadata"}))
    owners = apply.track_update(kind.node, live, new, known, writer)
    new["metadata"]["managedFields"] = managers.encode(owners)
    cluster.put(kind, place, new)


def _issue_token(cluster: Cluster, kind: Kind, place: Place) -> None:
    """Fill a service account token Secret, as the token controller does."""
    stored = cluster.get(kind, place)
    if stored is None or b"kubernetes.io/service-account-token" not in stored.rest:
        return
    document = stored.document()
    account = document["metadata"].get("annotations", {}).get("kubernetes.io/service-account.name", "")
    if not account or document.get("data", {}).get("token"):
        return
    owner = cluster.objects.get(("", "serviceaccounts"), {}).get((place[0], account))
    if owner is None:
        return
    token = cluster.issue_token(place[0], account, stored.uid)
    plain = {"token": token.encode(), "namespace": place[0].encode(), "ca.crt": cluster.authority}
    document["data"] = {name: base64.b64encode(value).decode() for name, value in plain.items()}
    document["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = owner.uid
    cluster.put(kind, place, document)
