"""Flux's sources as the registry writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.semver import is_version
from common.yaml import Path
from console.importing.foreign import Finding, Foreign, Key
from console.importing.words import chart_in, folder, git_url, with_article, without_nothing

_QUIET = ("interval", "timeout", "suspend", "sparseCheckout", "provider")
"""What a source says that is the hub's own affair: how often, and from where in the network."""
_KINDS = {"GitRepository", "OCIRepository", "HelmRepository", "HelmChart"}
_MOST_NAMED = 10


class Sources:
    """The sources among the files.

    Args:
        objects: sources of the kinds that have a place.
    """

    def __init__(self, objects: Sequence[Foreign]) -> None:
        self._used: set[Foreign] = set()
        self._missing: dict[Key, list[tuple[Foreign, Path]]] = {}
        self._known: dict[Key, Foreign] = {}
        for one in objects:
            first = self._known.setdefault(one.identity, one)
            if first is not one:
                what = f"it is here twice, first in {first.file} on line {first.line_of()}; that one counts"
                one.set_aside((), what, "name one of the two")
            for key in _QUIET:
                one.drop("spec", key)

    def of(self, user: Foreign, path: Path) -> Foreign | None:
        """Return the source that the reference at ``path`` names; None where it is not there, which is told at the end.

        The user is set aside then: what is missing is one thing, not each of the user's fields.
        """
        kind = user.take_text(*path, "kind", default="GitRepository")
        name = user.take_text(*path, "name")
        namespace = user.take_text(*path, "namespace", default=user.namespace)
        user.drop(*path, "apiVersion")
        if not name:
            what = "it names no source; a patch of one is none by itself"
            user.set_aside(path, what, "import what `kustomize build` prints, or what is on the cluster")
            return None
        found = self._known.get((kind, namespace, name))
        if found is None:
            self._missing.setdefault((kind, namespace, name), []).append((user, path))
            user.drop()
        else:
            self._used.add(found)
        return found

    def missing(self) -> list[Finding]:
        """Return a finding for each source that is not among the files, with who asks for it."""
        found = []
        for (kind, namespace, name), users in self._missing.items():
            user, path = users[0]
            names = ", ".join(f"{one.kind} {one.name}" for one, _ in users[:_MOST_NAMED])
            more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
            what = f"{kind} {namespace}/{name} is not among the files; it is the source of {names}{more}"
            remedy = "name a file with it too" if kind in _KINDS else "it has no place in the registry: name another"
            found.append(user.finding(path, what, remedy))
        return found

    def say_unused(self) -> None:
        """Note of each source that nothing asked for it."""
        for one in self._known.values():
            if one not in self._used:
                one.set_aside((), "nothing that is imported uses it", "leave it out")


def manifests(one: Foreign, path: str) -> dict[str, Any] | None:
    """Return the registry's source for a folder of a Git repository or an artifact; None where there is none, said."""
    inside = folder(path.removeprefix("./"))
    if one.kind == "OCIRepository":
        return {"oci": {**_image(one), "path": inside}, **credentials(one, "registry")}
    if one.kind != "GitRepository":
        one.say(
            (),
            f"{with_article(one.kind)} holds charts, and is named as the source of manifests",
            "correct the reference",
        )
        return None
    ref = _git_ref(one)
    if ref is None:
        return None
    return {"repo": git_url(one.take_text("spec", "url")), "path": inside, "ref": ref, **credentials(one, "git")}


def chart(one: Foreign, name: str, version: str) -> dict[str, Any] | None:
    """Return the registry's source for a chart, by what holds it; of a Git repository ``name`` is its folder."""
    match one.kind:
        case "HelmRepository":
            one.drop("spec", "type")
            repo, last = chart_in(one.take_text("spec", "url"), name)
            return {"helm": {"repo": repo, "chart": last, "version": version or "*"}, **credentials(one, "charts")}
        case "OCIRepository":
            image = _image(one)
            repo, _, last = image["image"].rpartition("/")
            wanted = image["ref"].get("semver") or image["ref"].get("tag", "")
            if "semver" in image["ref"] or is_version(wanted):
                found = {"helm": {"repo": f"oci://{repo}", "chart": last, "version": wanted}}
            else:  # a digest, or a tag that is no version, which charts by name do not have
                found = {"oci": image}
            return {**found, **credentials(one, "registry")}
        case _:
            return manifests(one, name)


def credentials(one: Foreign, folder_of: str) -> dict[str, Any]:
    """Return where the credentials of a source are to be kept; what they are is not in its document."""
    name = one.take_text("spec", "secretRef", "name")
    return {"credentials": {"secretRef": f"{folder_of}/{name}"}} if name else {}


def _git_ref(one: Foreign) -> dict[str, str] | None:
    """Return what a GitRepository follows.

    Of several a commit counts before a name, that before a range, a tag and a branch:
    https://fluxcd.io/flux/components/source/gitrepositories/#reference and the comments of ``GitRepositoryRef`` in
    source-controller's ``api/v1/gitrepository_types.go``.
    """
    ref = ("spec", "ref")
    found = {key: one.take_text(*ref, key) for key in ("commit", "name", "semver", "tag", "branch")}
    key = next((key for key, value in found.items() if value), "")
    if key == "name":
        for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
            if found[key].startswith(prefix):
                return {kind: found[key].removeprefix(prefix)}
        what = "spec.ref.name is neither a branch nor a tag, and what uses it is left out"
        one.set_aside((*ref, "name"), what, "name a branch, a tag or a commit")
        return None
    if key:
        return {key: found[key]}
    one.say(("spec", "url"), "it names no ref; Flux takes the branch master", "correct it if that is meant otherwise")
    return {"branch": "master"}


def _image(one: Foreign) -> dict[str, Any]:
    url = one.take_text("spec", "url").removeprefix("oci://").rstrip("/")
    return {"image": url, "ref": _oci_ref(one)}


def _oci_ref(one: Foreign) -> dict[str, str]:
    """Return what an OCIRepository follows: a digest counts before a range, and that before a tag.

    https://fluxcd.io/flux/components/source/ocirepositories/#reference; ``latest`` where there is none.
    """
    found = {key: one.take_text("spec", "ref", key) for key in ("digest", "semver", "tag")}
    layer = ("spec", "layerSelector")
    if one.look(*layer, "operation") in (None, "extract", "copy"):
        one.drop(*layer, "operation")
        one.drop(*layer, "mediaType")
    given = without_nothing(found)
    key = next(iter(given), "tag")
    return {key: str(given.get(key, "latest"))}
