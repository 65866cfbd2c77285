"""Flux's sources as the registry writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.yaml import Path
from console.importing.foreign import Foreign
from console.importing.words import folder, git_url, without_nothing

_QUIET = ("interval", "timeout", "suspend", "sparseCheckout", "provider")
"""What a source says that is the hub's own affair: how often, and from where in the network."""


class Sources:
    """The sources among the files.

    Args:
        objects: sources of all kinds.
    """

    def __init__(self, objects: Sequence[Foreign]) -> None:
        self._used: set[Foreign] = set()
        self._known = {(one.kind, one.namespace, one.name): one for one in objects}
        for one in objects:
            for key in _QUIET:
                one.take("spec", key)

    def of(self, user: Foreign, path: Path) -> Foreign | None:
        """Return the source that the reference at ``path`` names; None, having said so, where it is not there."""
        kind = str(user.take(*path, "kind", default="GitRepository"))
        name = str(user.take(*path, "name", default=""))
        namespace = str(user.take(*path, "namespace", default=user.namespace))
        user.take(*path, "apiVersion")
        found = self._known.get((kind, namespace, name))
        if found is None:
            user.say(path, f"its {kind} {namespace}/{name} is not among the files", "name a file with it too")
        else:
            self._used.add(found)
        return found

    def say_unused(self) -> None:
        """Note of each source that nothing asked for it."""
        for one in self._known.values():
            if one not in self._used:
                one.say((), "nothing that is imported uses it", "leave it out")


def manifests(one: Foreign, path: str) -> dict[str, Any]:
    """Return the registry's source for a folder of a Git repository or an artifact."""
    inside = folder(path.removeprefix("./"))
    if one.kind == "OCIRepository":
        return {"oci": {**_image(one), "path": inside}, **credentials(one, "registry")}
    return {"repo": _url(one), "path": inside, "ref": _git_ref(one), **credentials(one, "git")}


def chart(one: Foreign, name: str, version: str) -> dict[str, Any]:
    """Return the registry's source for a chart, by what holds it; of a Git repository ``name`` is its folder."""
    match one.kind:
        case "HelmRepository":
            one.take("spec", "type")
            repo = str(one.take("spec", "url", default="")).rstrip("/")
            return {"helm": {"repo": repo, "chart": name, "version": version or "*"}, **credentials(one, "charts")}
        case "OCIRepository":
            image = str(one.take("spec", "url", default="")).rstrip("/")
            repo, _, last = image.rpartition("/")
            ref = _oci_ref(one)
            if "digest" in ref:
                return {"oci": {"image": image.removeprefix("oci://"), "ref": ref}, **credentials(one, "registry")}
            wanted = ref.get("semver") or ref["tag"]
            return {"helm": {"repo": repo, "chart": last, "version": wanted}, **credentials(one, "registry")}
        case _:
            return manifests(one, name)


def credentials(one: Foreign, folder_of: str) -> dict[str, Any]:
    """Return where the credentials of a source are to be kept; what they are is not in its document."""
    name = one.take("spec", "secretRef", "name")
    return {} if name is None else {"credentials": {"secretRef": f"{folder_of}/{name}"}}


def _url(one: Foreign) -> str:
    return git_url(str(one.take("spec", "url", default="")))


def _git_ref(one: Foreign) -> dict[str, str]:
    ref = ("spec", "ref")
    for key in ("commit", "tag", "semver", "branch"):
        if one.look(*ref, key) is not None:
            found = {key: str(one.take(*ref, key))}
            one.take(*ref, "branch")  # where a commit or tag is looked for first
            return found
    one.unmapped(ref)
    one.say(("spec", "url"), "it names no ref; Flux takes the branch master", "correct it if that is meant otherwise")
    return {"branch": "master"}


def _image(one: Foreign) -> dict[str, Any]:
    url = str(one.take("spec", "url", default="")).removeprefix("oci://")
    return {"image": url, "ref": _oci_ref(one)}


def _oci_ref(one: Foreign) -> dict[str, str]:
    found = {key: one.take("spec", "ref", key) for key in ("digest", "semver", "tag")}
    layer = ("spec", "layerSelector")
    if one.look(*layer, "operation") in {None, "extract", "copy"}:
        one.take(*layer)
    given = without_nothing(found)
    key = next(iter(given), "tag")
    return {key: str(given.get(key, "latest"))}
