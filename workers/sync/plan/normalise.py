"""From rendered manifests to objects that can be written: flattened, completed, marked, checked."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common.domain.refs import ObjectId, PlacementRef
from workers.sync.errors import ManifestsError, SilentGroupError, UnknownKindError, unknown_kinds
from workers.sync.objects import marks
from workers.sync.objects.ordering import CRD
from workers.sync.objects.segments import is_label, is_name
from workers.sync.plan.options import Options, options_of
from workers.sync.plan.places import PLAIN, Place, place_of
from workers.sync.plan.unserved import Brought, Unserved, with_bringers
from workers.sync.ports import KindLookup, Manifest, Target

GENERATED = 10
"""Hex digits after the prefix of a generated name."""
_SERVER_SET = ("creationTimestamp", "uid", "resourceVersion", "generation", "managedFields", "selfLink")
_NAMING = ("name", "generateName", "namespace")
_TEMPLATE = ("spec", "template", "spec")
_POD_PATHS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("", "ReplicationController"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
} | {("apps", kind): _TEMPLATE for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object as it should be.

    Attributes:
        object: its id.
        target: where it is.
        manifest: with our marks; shares structure with the rendered one and is never changed.
        mark: its owner annotation.
        digest: sha256 of the canonical manifest, an HMAC for a Secret and where others may hold a secret.
        options: what its annotations ask for.
        place: when its turn comes, and whether it is a hook.
        generated: the prefix of its name where each run gives it another; empty where it has a name of its own.
    """

    object: ObjectId
    target: Target
    manifest: Mapping[str, Any]
    mark: str
    digest: str
    options: Options
    place: Place = PLAIN
    generated: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """What all objects of one placement share; ``run`` is in the names of hooks that have only a prefix."""

    fleet: str
    ref: PlacementRef
    namespace: str
    digest_key: bytes
    run: str = ""
    keyed: bool = False
    """Whether digests of all objects are HMACs under ``digest_key``, not those of Secrets alone."""


@dataclass(frozen=True, slots=True)
class Normal:
    """Everything that was rendered.

    Attributes:
        wanted: each object as it should be, in the given order.
        unserved: those of which that cannot be told yet, since their kind is not served.
    """

    wanted: tuple[Wanted, ...]
    unserved: tuple[Unserved, ...] = ()

    @property
    def ids(self) -> tuple[ObjectId, ...]:
        """Of everything; without a namespace where that cannot be told."""
        return (*(one.object for one in self.wanted), *(one.object for one in self.unserved))


def normalise(
    manifests: Sequence[Manifest], naming: Naming, kinds: KindLookup, *, origins: Sequence[str] = ()
) -> Normal:
    """Return each object as it should be.

    Args:
        manifests: flat; none is changed. One that is rendered twice alike, as by a chart under two aliases, is one.
        naming: whose they are.
        kinds: how the cluster serves a kind.
        origins: file and line of each manifest, for messages; empty where that is not known.

    Raises:
        ManifestsError: some cannot be written, or are of a kind that nothing brings; names every one.
        TransientError: the cluster's kinds could not be read.
    """
    unserved: list[Unserved] = []
    found: dict[ObjectId, Wanted] = {}
    places: dict[ObjectId, int] = {}
    faults: list[str] = []
    for position, manifest in enumerate(manifests):
        label = _label(manifest, _origin(origins, position), position)
        try:
            wanted = _normalised(manifest, naming, kinds)
        except ValueError as error:
            faults.append(f"{label}: {error}")
            continue
        except (UnknownKindError, SilentGroupError) as error:
            unserved.append(_unserved(manifest, naming.run, error, label))
            continue
        first = found.setdefault(wanted.object, wanted)
        at = places.setdefault(wanted.object, position)
        if first.digest != wanted.digest:
            both = [where for where in (_origin(origins, at), _origin(origins, position)) if where]
            faults.append(f"{wanted.object} is rendered twice, and differs{': ' if both else ''}{' and '.join(both)}")
    late = with_bringers(unserved, (one.place for one in found.values()), manifests)
    never = [one for one in late if one.brought is Brought.NEVER]
    faults += (f"{one.label}: {one.error}" for one in never)
    if faults:
        raise ManifestsError(faults, unknown=unknown_kinds(one.error for one in never))
    return Normal(tuple(found.values()), late)


def _unserved(manifest: Manifest, run: str, error: UnknownKindError | SilentGroupError, label: str) -> Unserved:
    group, _, kind, name = _identity(manifest, run)
    annotations = _annotations(manifest)
    namespace = manifest["metadata"].get("namespace") or ""
    object_id = ObjectId(group, kind, str(namespace), name)
    tolerated = options_of(annotations).kind_may_come
    return Unserved(object_id, label, place_of(annotations), error, tolerated)


def _origin(origins: Sequence[str], position: int) -> str:
    return origins[position] if position < len(origins) else ""


def _label(manifest: Any, origin: str, position: int) -> str:
    """Return what a person finds a manifest by: name and origin; its number only where it has neither."""
    numbered = origin or f"document {position + 1}"
    if not isinstance(manifest, Mapping):
        return numbered
    metadata = manifest.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    name, namespace = named.get("name") or named.get("generateName") or "", named.get("namespace") or ""
    kind = manifest.get("kind")
    whole = f"{kind or 'no kind'} {f'{namespace}/' if namespace else ''}{name or 'without name'}"
    return whole if kind and name and not origin else f"{numbered} ({whole})"


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    return _texts(manifest.get("metadata") or {}, "annotations")


def _normalised(manifest: Manifest, naming: Naming, kinds: KindLookup) -> Wanted:
    group, version, kind_name, name = _identity(manifest, naming.run)
    # What it says of itself is read before its kind is asked for: a word that is none is its fault, whoever serves it.
    place, options = place_of(_annotations(manifest)), options_of(_annotations(manifest))
    kind = kinds(group, version, kind_name)
    namespace = ""
    if kind.namespaced:
        namespace = manifest["metadata"].get("namespace") or naming.namespace
        _check("namespace", namespace, is_label)
    object_id = ObjectId(group, kind_name, namespace, name)
    mark = marks.owner_mark(naming.fleet, naming.ref, object_id)
    complete = _completed(manifest, group, kind_name)
    complete["metadata"] = _metadata(manifest["metadata"], name, namespace, mark, naming.ref.mark(naming.fleet))
    key = naming.digest_key if naming.keyed or (group, kind_name) == ("", "Secret") else None
    target, digest = Target(kind, namespace, name), digest_of(complete, key)
    generated = "" if manifest["metadata"].get("name") else manifest["metadata"]["generateName"]
    return Wanted(object_id, target, complete, mark, digest, options, place, generated)


def digest_of(manifest: Mapping[str, Any], key: bytes | None) -> str:
    """Return the hex digest of the canonical JSON: sha256, or an HMAC under ``key`` where one is given.

    Raises:
        ValueError: it cannot be written as JSON.
    """
    try:
        canonical = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        message = f"it cannot be written as JSON: {error}"
        raise ValueError(message) from error
    if key is None:
        return hashlib.sha256(canonical).hexdigest()
    return hmac.new(key, canonical, hashlib.sha256).hexdigest()


def _identity(manifest: Any, run: str) -> tuple[str, str, str, str]:
    if not isinstance(manifest, Mapping):
        message = "it is no mapping"
        raise ValueError(message)  # noqa: TRY004  # a fault of the text, reported like the others
    api_version, kind, metadata = manifest.get("apiVersion"), manifest.get("kind"), manifest.get("metadata")
    if not (isinstance(api_version, str) and api_version):
        message = "it has no apiVersion"
        raise ValueError(message)
    if not (isinstance(kind, str) and kind):
        message = "it has no kind"
        raise ValueError(message)
    if not isinstance(metadata, Mapping):
        message = "it has no metadata"
        raise ValueError(message)  # noqa: TRY004  # a fault of the text, reported like the others
    _check_strings(metadata)
    name = _name(metadata, run)
    _check("name", name, is_name)
    if isinstance(manifest.get("sops"), Mapping) and "mac" in manifest["sops"]:
        message = "it is still encrypted by SOPS"
        raise ValueError(message)
    group, _, version = api_version.rpartition("/")
    return group, version, kind, name


def _name(metadata: Mapping[str, Any], run: str) -> str:
    """Return an object's name; a hook may have a prefix only: it is made again, under another name, with each run."""
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if isinstance(name, str) and name:
        return name
    if not (isinstance(prefix, str) and prefix):
        message = "it has no name"
        raise ValueError(message)
    if not place_of(_texts(metadata, "annotations")).is_hook:
        message = "it has no name; generateName is for hooks only"
        raise ValueError(message)
    return prefix + hashlib.sha256(run.encode()).hexdigest()[:GENERATED]


def _check(what: str, value: Any, fits: Callable[[str], bool]) -> None:
    """Refuse what could lead out of its place in a URL; the API server refuses such names too."""
    if not isinstance(value, str) or not fits(value):
        message = f"{value!r} is no {what}"
        raise ValueError(message)


def _check_strings(metadata: Mapping[str, Any]) -> None:
    for field in ("labels", "annotations"):
        values = metadata.get(field)
        if values is None:
            continue
        if not isinstance(values, Mapping) or not all(isinstance(value, str | None) for value in values.values()):
            message = f"metadata.{field} holds something other than strings; quote numbers and booleans"
            raise ValueError(message)


def _texts(metadata: Mapping[str, Any], field: str) -> dict[str, str]:
    """Return labels or annotations; a null among them is an empty text, as an API server takes it."""
    return {key: value or "" for key, value in (metadata.get(field) or {}).items()}


def _metadata(metadata: Mapping[str, Any], name: str, namespace: str, mark: str, label: str) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in _SERVER_SET and key not in _NAMING}
    kept["name"] = name
    if namespace:
        kept["namespace"] = namespace
    annotations = _texts(metadata, "annotations")
    annotations.pop(marks.FENCE, None)
    kept["labels"] = {**_texts(metadata, "labels"), marks.PLACEMENT_LABEL: label}
    kept["annotations"] = {**annotations, marks.OWNER: mark}
    return kept


def _completed(manifest: Manifest, group: str, kind: str) -> dict[str, Any]:
    complete = {key: value for key, value in manifest.items() if key != "status" or (group, kind) == CRD}
    if (group, kind) == ("", "Secret"):
        _complete_secret(complete)
    elif (group, kind) == ("", "Service"):
        _replace(complete, ("spec",), _with_protocol)
    elif path := _POD_PATHS.get((group, kind)):
        _replace(complete, path, _pod_with_protocol)
    return complete


def _complete_secret(secret: dict[str, Any]) -> None:
    data = {key: secret.get(key) or {} for key in ("data", "stringData")}
    for key, values in data.items():
        if not isinstance(values, Mapping) or not all(isinstance(value, str) for value in values.values()):
            message = f"{key} holds something other than strings; quote numbers and booleans"
            raise ValueError(message)
    if secret.pop("stringData", None):
        plain = {key: b64encode(value.encode()).decode() for key, value in data["stringData"].items()}
        secret["data"] = {**data["data"], **plain}


def _replace(tree: dict[str, Any], path: Sequence[str], change: Callable[[Mapping[str, Any]], Any]) -> None:
    """Replace the mapping at ``path`` by what ``change`` returns for it, copying only the way there."""
    child = tree.get(path[0])
    if not isinstance(child, Mapping):
        return
    if len(path) == 1:
        tree[path[0]] = change(child)
        return
    copied = dict(child)
    _replace(copied, path[1:], change)
    tree[path[0]] = copied


def _with_protocol(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Server-side apply merges ports by port and protocol: without one, the key is incomplete."""
    ports = spec.get("ports")
    if not isinstance(ports, list) or all(not isinstance(port, Mapping) or port.get("protocol") for port in ports):
        return spec
    return {**spec, "ports": [_with_tcp(port) for port in ports]}


def _with_tcp(port: Any) -> Any:
    return {**port, "protocol": "TCP"} if isinstance(port, Mapping) and not port.get("protocol") else port


def _pod_with_protocol(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = dict(spec)
    for field in ("containers", "initContainers"):
        containers = spec.get(field)
        if isinstance(containers, list):
            changed[field] = [_with_protocol(each) if isinstance(each, Mapping) else each for each in containers]
    return changed
