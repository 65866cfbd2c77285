"""Kustomizations as applications."""

from __future__ import annotations

from typing import Any

from common.yaml import Path
from console.importing.fields import take_duration, take_patch
from console.importing.flux.lent import Lent
from console.importing.flux.sources import Sources, manifests
from console.importing.foreign import NO_PLACE, Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import beside, name_of, without_nothing

_WAITS = ("dependsOn", "healthChecks", "healthCheckExprs")
"""Lists of what it waits for: each is one thing to say, however many there are in it."""
_SUBSTITUTE = {"undefined": "empty", "scope": "yaml"}
"""As Flux fills in: https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution"""


def kustomization(one: Foreign, sources: Sources, lent: Lent, cluster: str) -> Draft | None:
    """Return the application that a Kustomization is; None where its source is not known, which is said."""
    held = sources.of(one, ("spec", "sourceRef"))
    if held is None:
        return None
    path = one.take_text("spec", "path", default="./")
    source = manifests(held, path)
    if source is None:
        one.drop()
        return None
    lends = bool(one.look("spec", "postBuild", "substituteFrom"))
    variables = _variables(one, lent) if one.has("spec", "postBuild") else {}
    spec = {
        "source": source,
        "render": _render(one, path),
        "decrypt": _decrypt(one),
        # without any variable Flux fills in nothing, and leaves each ${...} as it is
        "substitute": _SUBSTITUTE if variables or lends else None,
        "values": variables,
        "interval": take_duration(one, "spec", "interval"),
    }
    whole = {**without_nothing(spec), "namespace": _namespace(one), "sync": _sync(one)}
    return Draft(one, "ks", name_of(one.name), whole, (place(one, cluster),))


def place(one: Foreign, cluster: str) -> str:
    """Return the cluster that an object of Flux is for; of one that reaches elsewhere, that this has to be said."""
    path: Path = ("spec", "kubeConfig")
    if one.has(*path):
        one.say(path, "it goes to another cluster by a kubeconfig", "correct its targets")
    return cluster


def common(one: Foreign) -> dict[str, Any]:
    """Return the settings of syncs that all of Flux's objects have."""
    one.drop("metadata", "finalizers")
    for key in _WAITS:
        if one.has("spec", key):
            one.say(("spec", key), f"spec.{key} has no place in the registry", NO_PLACE)
    if one.take_flag("spec", "suspend"):
        one.say(("spec", "suspend"), "it is suspended", "keep mode: warn until it is to go on")
    return without_nothing({"deadline": take_duration(one, "spec", "timeout")})


def _variables(one: Foreign, lent: Lent) -> dict[str, Any]:
    """Return the variables: of ConfigMaps in their order, and over them those that are written out."""
    path: Path = ("spec", "postBuild")
    found: dict[str, Any] = {}
    for item in one.parts(*path, "substituteFrom"):
        found |= lent.data(one, item)
    for name in one.keys(*path, "substitute"):
        found[name] = one.take_text(*path, "substitute", name)
    one.take_map(*path, "substitute")
    return found


def _namespace(one: Foreign) -> str:
    named = one.take_text("spec", "targetNamespace")
    if named:
        what = "Flux puts every object into targetNamespace; here only those go there that name none"
        one.say(("spec", "targetNamespace"), what, "set `namespace:` in the kustomization if objects name another")
    return named or "default"


def _sync(one: Foreign) -> dict[str, Any]:
    one.take_flag("spec", "wait")
    prune = one.take_flag("spec", "prune")
    one.take_text("spec", "deletionPolicy")  # what its end deletes, which the hand-over sees to
    return {**FIRST, **common(one), **({} if prune else {"prune": {"enabled": False}})}


def _decrypt(one: Foreign) -> dict[str, Any]:
    path = ("spec", "decryption")
    name = one.take_text(*path, "secretRef", "name")
    if one.look(*path, "provider") == "sops" and name:
        one.drop(*path, "provider")
        return {"sops": {"keyRef": f"sops/{name}"}}
    if name:
        one.say((*path, "secretRef"), "its provider of keys has no place", "encrypt by SOPS")
    return {}


def _render(one: Foreign, path: str) -> dict[str, Any]:
    inside = path.removeprefix("./")
    settings = {
        "images": [image for item in one.parts("spec", "images") if (image := _image(one, item))],
        "patches": [patch for item in one.parts("spec", "patches") if (patch := take_patch(one, item))],
        "components": [beside(inside, component) for component in one.take_texts("spec", "components")],
        "namePrefix": one.take_text("spec", "namePrefix"),
        "nameSuffix": one.take_text("spec", "nameSuffix"),
    }
    given = without_nothing(settings)
    return {"kustomize": given} if given else {}


def _image(one: Foreign, path: Path) -> str:
    name, new, tag, digest = (one.take_text(*path, key) for key in ("name", "newName", "newTag", "digest"))
    what = new or name
    version = f"@{digest}" if digest else f":{tag}" if tag else ""
    return f"{name}={what}{version}" if new else f"{what}{version}"
