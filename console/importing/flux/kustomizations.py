"""Kustomizations as applications."""

from __future__ import annotations

from typing import Any

from common.yaml import Path
from console.importing.flux.sources import Sources, manifests
from console.importing.foreign import Foreign
from console.importing.outcome import FIRST, Draft
from console.importing.words import beside, duration, name_of, without_nothing


def kustomization(one: Foreign, sources: Sources, cluster: str) -> list[Draft]:
    """Return the application that a Kustomization is; none where its source is not known, which is said."""
    source = sources.of(one, ("spec", "sourceRef"))
    if source is None:
        return []
    path = str(one.take("spec", "path", default="./"))
    values = one.take("spec", "postBuild", "substitute", default={})
    spec = {
        "source": manifests(source, path),
        "render": _render(one, path),
        "decrypt": _decrypt(one),
        "substitute": True if one.look("spec", "postBuild") else None,
        "values": dict(values),
        "interval": duration(one.take("spec", "interval")),
    }
    return [
        Draft(
            one,
            name_of(one.name),
            {**without_nothing(spec), "namespace": _namespace(one), "sync": _sync(one)},
            (place(one, cluster),),
        )
    ]


def place(one: Foreign, cluster: str) -> str:
    """Return the cluster that an object of Flux is for; of one that reaches elsewhere, that this has to be said."""
    path: Path = ("spec", "kubeConfig")
    if one.look(*path) is not None:
        one.say(path, "it goes to another cluster by a kubeconfig", "correct its targets")
    return cluster


def common(one: Foreign) -> dict[str, Any]:
    """Return the settings of syncs that all of Flux's objects have."""
    one.take("metadata", "finalizers")
    if one.take("spec", "suspend"):
        one.say(("spec", "suspend"), "it is suspended", "keep mode: warn until it is to go on")
    return without_nothing({"deadline": duration(one.take("spec", "timeout"))})


def _namespace(one: Foreign) -> str:
    named = one.take("spec", "targetNamespace")
    if named is not None:
        what = "Flux puts every object into targetNamespace; here only those go there that name none"
        one.say(("spec", "targetNamespace"), what, "set `namespace:` in the kustomization if objects name another")
    return str(named or "default")


def _sync(one: Foreign) -> dict[str, Any]:
    one.take("spec", "wait")
    prune = one.take("spec", "prune")
    return {**FIRST, **common(one), **({} if prune else {"prune": {"enabled": False}})}


def _decrypt(one: Foreign) -> dict[str, Any]:
    path = ("spec", "decryption")
    name = one.take(*path, "secretRef", "name")
    if one.look(*path, "provider") == "sops" and name is not None:
        one.take(*path, "provider")
        return {"sops": {"keyRef": f"sops/{name}"}}
    return {}


def _render(one: Foreign, path: str) -> dict[str, Any]:
    settings = {
        "images": [_image(one, ("spec", "images", n)) for n in range(one.count("spec", "images"))],
        "patches": [
            without_nothing({key: one.take("spec", "patches", n, key) for key in ("patch", "target", "options")})
            for n in range(one.count("spec", "patches"))
        ],
        "components": [
            beside(path.removeprefix("./"), str(item)) for item in one.take("spec", "components", default=[])
        ],
        "namePrefix": one.take("spec", "namePrefix"),
        "nameSuffix": one.take("spec", "nameSuffix"),
    }
    given = without_nothing(settings)
    return {"kustomize": given} if given else {}


def _image(one: Foreign, path: Path) -> str:
    name, new, tag, digest = (one.take(*path, key) for key in ("name", "newName", "newTag", "digest"))
    what = str(new or name)
    version = f"@{digest}" if digest else f":{tag}" if tag else ""
    return f"{name}={what}{version}" if new else f"{what}{version}"
