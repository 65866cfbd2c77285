"""HelmReleases as applications."""

from __future__ import annotations

import hashlib
import posixpath
from typing import Any

from common.yaml import Path
from console.importing.fields import take_duration
from console.importing.flux.kustomizations import common, place
from console.importing.flux.lent import Lent
from console.importing.flux.sources import Sources, chart
from console.importing.foreign import Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import folder, laid_over, name_of, without_nothing

_LONGEST_RELEASE = 53
_DIGITS = 12


def release(one: Foreign, sources: Sources, lent: Lent, cluster: str) -> Draft | None:
    """Return the application that a HelmRelease is; None where its chart is not known, which is said."""
    found = _source(one, sources)
    if found is None:
        one.drop()
        return None
    source, files = found
    target = one.take_text("spec", "targetNamespace")
    # Flux's own rule for a release that is not named: with the target namespace in front, where there is one.
    named = _shortened(one.take_text("spec", "releaseName") or (f"{target}-{one.name}" if target else one.name))
    helm = {"releaseName": named, "valuesFiles": files, **_skipped(one)}
    spec: dict[str, Any] = {
        "source": source,
        "render": {"helm": without_nothing(helm)},
        "values": _values(one, lent),
        "interval": take_duration(one, "spec", "interval"),
    }
    for key in ("storageNamespace", "maxHistory"):
        one.drop("spec", key)
    created = one.take_flag("spec", "install", "createNamespace")
    rest = {"namespace": target or one.namespace, **({"createNamespace": True} if created else {}), "sync": _sync(one)}
    return Draft(one, "hr", name_of(one.name), {**without_nothing(spec), **rest}, (place(one, cluster),))


def _shortened(name: str) -> str:
    """Return a release's name as Flux shortens it: helm-controller's ``internal/release/name.go``."""
    if len(name) <= _LONGEST_RELEASE:
        return name
    return f"{name[: _LONGEST_RELEASE - _DIGITS - 1]}-{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}"


def _values(one: Foreign, lent: Lent) -> dict[str, Any]:
    """Return the values: those of ``valuesFrom`` in their order, and over them those that are written out.

    https://fluxcd.io/flux/components/helm/helmreleases/#values
    """
    found: dict[str, Any] = {}
    for item in one.parts("spec", "valuesFrom"):
        found = laid_over(found, lent.values(one, item))
    return laid_over(found, one.take_map("spec", "values"))


def _skipped(one: Foreign) -> dict[str, Any]:
    """Return what a release leaves out; where its first installation and its upgrades differ, nothing is taken."""
    install: Path = ("spec", "install", "crds")
    upgrade: Path = ("spec", "upgrade", "crds")
    skipped = one.look(*install) == "Skip"
    alike = skipped == ((one.look(*upgrade) or one.look(*install)) == "Skip")
    if alike:
        one.take_text(*install)
        one.take_text(*upgrade)
    unchecked = [one.take_flag("spec", action, "disableSchemaValidation") for action in ("install", "upgrade")]
    return {"skipCrds": (alike and skipped) or None, "skipSchemaValidation": any(unchecked) or None}


def _source(one: Foreign, sources: Sources) -> tuple[dict[str, Any], list[str]] | None:
    """Return the source of a release and its values files; None where it is not known."""
    ref: Path = ("spec", "chartRef")
    if one.has(*ref):
        held = sources.of(one, ref)
        if held is None:
            return None
        if held.kind == "HelmChart":
            return _held(held, ("spec",), sources)
        source = chart(held, "", "")
        return None if source is None else (source, [])
    if not one.has("spec", "chart", "spec"):
        what = "it names no chart; a patch of one is none by itself"
        one.set_aside((), what, "import what `kustomize build` prints, or what is on the cluster")
        return None
    return _held(one, ("spec", "chart", "spec"), sources)


def _held(one: Foreign, path: Path, sources: Sources) -> tuple[dict[str, Any], list[str]] | None:
    held = sources.of(one, (*path, "sourceRef"))
    if held is None:
        return None
    name, version = one.take_text(*path, "chart"), one.take_text(*path, "version")
    for key in ("interval", "reconcileStrategy"):
        one.drop(*path, key)
    source = chart(held, name, version)
    return None if source is None else (source, _files(one, path, name if "helm" not in source else ""))


def _files(one: Foreign, path: Path, inside: str) -> list[str]:
    """Return values files from the chart's folder.

    Flux takes them from the root of the source, and in place of the chart's own ``values.yaml``: that one counts only
    where it is named, https://fluxcd.io/flux/components/source/helmcharts/#values-files and source-controller's
    ``internal/helm/chart/builder_local.go``. ``inside`` is the chart's folder in its source, empty where the chart is
    the source.
    """
    root = folder(inside.removeprefix("./"))
    files = [posixpath.relpath(folder(file.removeprefix("./")), root) for file in one.take_texts(*path, "valuesFiles")]
    if files and files[0] != "values.yaml":
        what = "Flux leaves the chart's own values.yaml out where valuesFiles do not name it; here it lies under them"
        one.say((*path, "valuesFiles"), what, "see that its values do no harm")
    return files


def _sync(one: Foreign) -> dict[str, Any]:
    drift: Path = ("spec", "driftDetection")
    one.drop(*drift, "mode")
    rules = []
    for item in one.parts(*drift, "ignore"):
        target = {key: one.take_text(*item, "target", key) for key in ("kind", "group", "namespace", "name")}
        rule = without_nothing({**target, "paths": one.take_texts(*item, "paths")})
        if "kind" in rule and "paths" in rule:
            rules.append(rule)
        else:
            one.say(item, "a rule for every kind, or without paths, has no place", "name the kinds and the paths")
    return {**FIRST, **common(one), **without_nothing({"ignore": rules})}
