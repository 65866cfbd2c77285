"""HelmReleases as applications."""

from __future__ import annotations

from typing import Any

from common.yaml import Path
from console.importing.flux.kustomizations import common, place
from console.importing.flux.sources import Sources, chart
from console.importing.foreign import Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import duration, name_of, without_nothing


def release(one: Foreign, sources: Sources, cluster: str) -> list[Draft]:
    """Return the application that a HelmRelease is; none where its chart is not known, which is said."""
    found = _source(one, sources)
    if found is None:
        return []
    source, files = found
    target = one.take("spec", "targetNamespace")
    namespace = str(target or one.namespace)
    # Flux's own rule for a release that is not named: with the target namespace in front, where there is one.
    named = str(one.take("spec", "releaseName") or (f"{target}-{one.name}" if target else one.name))
    helm = {"releaseName": named, "valuesFiles": files, **_skipped(one)}
    spec: dict[str, Any] = {
        "source": source,
        "render": {"helm": without_nothing(helm)},
        "values": one.take("spec", "values"),
        "interval": duration(one.take("spec", "interval")),
    }
    for key in ("storageNamespace", "maxHistory"):
        one.take("spec", key)
    created = one.take("spec", "install", "createNamespace")
    rest = {"namespace": namespace, **({"createNamespace": True} if created else {}), "sync": _sync(one)}
    return [Draft(one, name_of(one.name), {**without_nothing(spec), **rest}, (place(one, cluster),))]


def _skipped(one: Foreign) -> dict[str, Any]:
    """Return what a release leaves out; where its first installation and its upgrades differ, nothing is taken."""
    install: Path = ("spec", "install", "crds")
    upgrade: Path = ("spec", "upgrade", "crds")
    skipped = one.look(*install) == "Skip"
    alike = skipped == ((one.look(*upgrade) or one.look(*install)) == "Skip")
    if alike:
        one.take(*install)
        one.take(*upgrade)
    unchecked = [bool(one.take("spec", action, "disableSchemaValidation")) for action in ("install", "upgrade")]
    return {"skipCrds": (alike and skipped) or None, "skipSchemaValidation": any(unchecked) or None}


def _source(one: Foreign, sources: Sources) -> tuple[dict[str, Any], list[str]] | None:
    """Return the source of a release and its values files; None where it is not known."""
    ref: Path = ("spec", "chartRef")
    if one.look(*ref) is not None:
        held = sources.of(one, ref)
        if held is None:
            return None
        return _held(held, ("spec",), sources) if held.kind == "HelmChart" else (chart(held, "", ""), [])
    return _held(one, ("spec", "chart", "spec"), sources)


def _held(one: Foreign, path: Path, sources: Sources) -> tuple[dict[str, Any], list[str]] | None:
    source = sources.of(one, (*path, "sourceRef"))
    if source is None:
        return None
    name, version = str(one.take(*path, "chart", default="")), str(one.take(*path, "version", default=""))
    for key in ("interval", "reconcileStrategy"):
        one.take(*path, key)
    return chart(source, name, version), [str(file) for file in one.take(*path, "valuesFiles", default=[])]


def _sync(one: Foreign) -> dict[str, Any]:
    drift: Path = ("spec", "driftDetection")
    one.take(*drift, "mode")
    rules = []
    for n in range(one.count(*drift, "ignore")):
        target = {key: one.take(*drift, "ignore", n, "target", key) for key in ("kind", "group", "namespace", "name")}
        rule = without_nothing({**target, "paths": one.take(*drift, "ignore", n, "paths", default=[])})
        if "kind" in rule:
            rules.append(rule)
        else:
            one.say((*drift, "ignore", n), "a rule for every kind has no place", "name the kinds")
    return {**FIRST, **common(one), **without_nothing({"ignore": rules})}
