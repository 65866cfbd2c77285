"""Objects that Argo CD and Flux say are theirs, and whether they would write them again. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.refs import ObjectId

KINDS = (
    ("argoproj.io", "Application"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
)
"""What tracks objects, by group and kind."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """One object of another tool that is not suspended, and what it tracks.

    Attributes:
        name: kind, namespace and name, for people.
        suspend: how to suspend it.
        objects: on its own cluster.
    """

    name: str
    suspend: str
    objects: frozenset[ObjectId]


def active(kind: str, found: Mapping[str, Any]) -> Tracker | None:
    """Return what an object of one of ``KINDS`` tracks; None where it is suspended or looks after another cluster.

    Argo CD is suspended for an application while it has no automated sync (or one that is not enabled), Flux for an
    object with ``spec.suspend``.
    """
    metadata, spec, status = (_mapping(found.get(part)) for part in ("metadata", "spec", "status"))
    name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace", ""))
    label = f"{kind} {namespace}/{name}"
    if kind == "Application":
        automated = _mapping(spec.get("syncPolicy")).get("automated")
        if not isinstance(automated, Mapping) or automated.get("enabled") is False:
            return None
        patch = '{"spec":{"syncPolicy":{"automated":null}}}'
        suspend = f"kubectl -n {namespace} patch application {name} --type merge --patch '{patch}'"
        return Tracker(label, suspend, frozenset(_of_argo(spec, status)))
    if spec.get("suspend") is True or "kubeConfig" in spec:
        return None
    resource = "kustomization" if kind == "Kustomization" else "helmrelease"
    suspend = f"flux --namespace {namespace} suspend {resource} {name}"
    return Tracker(label, suspend, frozenset(_of_flux(status)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _of_argo(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[ObjectId]:
    destination = _mapping(spec.get("destination"))
    here = destination.get("server") == "https://kubernetes.default.svc" or destination.get("name") == "in-cluster"
    resources = status.get("resources")
    for one in resources if here and isinstance(resources, list) else ():
        if isinstance(one, Mapping) and one.get("kind") and one.get("name"):
            parts = (str(one.get(key) or "") for key in ("group", "kind", "namespace", "name"))
            yield ObjectId(*parts)


def _of_flux(status: Mapping[str, Any]) -> Iterator[ObjectId]:
    """Yield what ``status.inventory`` names: ``NAMESPACE_NAME_GROUP_KIND``, with ``__`` for a colon in a name."""
    entries = _mapping(status.get("inventory")).get("entries")
    for entry in entries if isinstance(entries, list) else ():
        text = str(_mapping(entry).get("id", ""))
        head, _, kind = text.rpartition("_")
        head, _, group = head.rpartition("_")
        namespace, _, name = head.partition("_")
        if kind and name:
            yield ObjectId(group, kind, namespace, name.replace("__", ":"))
