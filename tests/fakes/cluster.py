"""A cluster in memory with the behaviour that the engine relies on; kept honest by the contract suite."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import RLock
from typing import Any

import orjson

from tests.fakes.fields import Flat, Path, fields_v1, flat, nested, paths_of, printed
from workers.sync.errors import Cause, ConflictError, NotFoundError, UnknownKindError
from workers.sync.objects.live import MANAGER, Kind, Live, LiveMeta
from workers.sync.ports import Applied, Ownership, Target, Write

Owner = tuple[str, str, str]
"""Manager, operation, subresource."""
US: Owner = (MANAGER, "Apply", "")

KINDS = {
    (kind.group, kind.kind): kind
    for kind in (
        Kind("", "v1", "Namespace", "namespaces", namespaced=False),
        Kind("", "v1", "ConfigMap", "configmaps", namespaced=True),
        Kind("", "v1", "Secret", "secrets", namespaced=True),
        Kind("", "v1", "Service", "services", namespaced=True),
        Kind("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True),
        Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced=True),
        Kind("", "v1", "Pod", "pods", namespaced=True),
        Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False),
        Kind("batch", "v1", "Job", "jobs", namespaced=True),
        Kind("apps", "v1", "Deployment", "deployments", namespaced=True),
        Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", namespaced=True),
        Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False),
    )
}
_WITH_GENERATION = frozenset({"Deployment", "Job", "CustomResourceDefinition"})
_OPTIMISTIC = "the object has been modified; please apply your changes to the latest version and try again"


@dataclass(slots=True)
class Stored:
    """One object: its fields, and who owns which."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    version: int
    generation: int
    fields: Flat = field(default_factory=dict)
    owners: dict[Owner, tuple[frozenset[Path], int]] = field(default_factory=dict)
    deleting: bool = False
    finalizers: tuple[str, ...] = ()

    def copy(self) -> Stored:
        """Return one that changes alone."""
        return Stored(
            self.kind, self.namespace, self.name, self.uid, self.version, self.generation, dict(self.fields),
            dict(self.owners), self.deleting, self.finalizers,
        )  # fmt: skip

    def wire(self) -> dict[str, Any]:
        """Return it as an API server shows it."""
        body = nested(self.fields) if self.fields else {}
        metadata = {
            **body.get("metadata", {}),
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [self._entry(owner, *held) for owner, held in self.owners.items() if held[0]],
        }
        if self.namespace:
            metadata["namespace"] = self.namespace
        if self.generation:
            metadata["generation"] = self.generation
        if self.finalizers:
            metadata["finalizers"] = list(self.finalizers)
        if self.deleting:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return {**body, "apiVersion": self.kind.api_version, "kind": self.kind.kind, "metadata": metadata}

    def _entry(self, owner: Owner, paths: frozenset[Path], tick: int) -> dict[str, Any]:
        manager, operation, subresource = owner
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": self.kind.api_version,
            "time": f"2026-01-01T{tick // 3600:02}:{tick // 60 % 60:02}:{tick % 60:02}Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": fields_v1(paths),
        }
        return {**entry, "subresource": subresource} if subresource else entry


class FakeCluster:
    """Implements ``workers.sync.ports.ClusterPort``, and what people and controllers do besides.

    ``before`` is called with (verb, target) ahead of every request on an object or collection: it may raise, as a
    failing cluster does, or change the object, as a busy one does.
    """

    request_timeout = timedelta(seconds=10)

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str, str], Stored] = {}
        self.kinds = dict(KINDS)
        self.before: Callable[[str, Target], None] = lambda _verb, _target: None
        self.establishing = 0
        """How often a new CRD is looked at before it is served."""
        self.log: list[tuple[str, str]] = []
        self.logs: dict[str, str] = {}
        """What the containers of a Pod or Job wrote, by its name."""
        self._requests: Counter[str] = Counter()
        self._tick = 0
        self._lock = RLock()
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="kube")

    # -- the port ----------------------------------------------------------------------------------------------

    def requests(self) -> Mapping[str, int]:
        """Return how many requests were made, by verb."""
        return dict(self._requests)

    def last_lines(self, target: Target, *, lines: int) -> str:
        """Return what a test says that the containers wrote."""
        return "\n".join(self.logs.get(target.name, "").splitlines()[-lines:])

    def kind(self, group: str, version: str, kind: str) -> Kind:
        """Return a kind."""
        found = self.kinds.get((group, kind))
        if found is None or (version and found.version != version):
            raise UnknownKindError(group, version, kind)
        return found

    def refresh_kinds(self) -> None:
        """Serve what established CustomResourceDefinitions define."""
        for stored in self.objects.values():
            if stored.kind.kind != "CustomResourceDefinition":
                continue
            spec = stored.wire()["spec"]
            names, scoped = spec["names"], spec["scope"] == "Namespaced"
            kind = Kind(spec["group"], spec["versions"][0]["name"], names["kind"], names["plural"], namespaced=scoped)
            self.kinds[kind.group, kind.kind] = kind

    def list_meta(self, kind: Kind, *, namespace: str, selector: str) -> tuple[LiveMeta, ...]:
        """Return metadata by label."""
        return tuple(Live(orjson.dumps(each)).meta for each in self._listed(kind, namespace, selector))

    def list_objects(self, kind: Kind, *, namespace: str, selector: str) -> tuple[dict[str, Any], ...]:
        """Return objects by label."""
        return tuple(self._listed(kind, namespace, selector))

    def _listed(self, kind: Kind, namespace: str, selector: str) -> list[dict[str, Any]]:
        with self._lock:
            self._count("list", Target(kind, namespace, ""))
            label, _, value = selector.partition("=")
            shown = (
                stored.wire()
                for stored in self.objects.values()
                if stored.kind.kind == kind.kind and namespace in {"", stored.namespace}
            )
            labels = [(each, each["metadata"].get("labels", {})) for each in shown]
            if not selector:
                return [each for each, _ in labels]
            return [each for each, found in labels if label in found and (not value or found[label] == value)]

    def get(self, target: Target) -> Live | None:
        """Return an object."""
        with self._lock:
            self._count("get", target)
            stored = self._find(target)
            return Live(orjson.dumps(stored.wire())) if stored is not None else None

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Applied:
        """Apply, or say what an apply would do."""
        with self._lock:
            self._count("dry-run" if write is Write.DRY_RUN else "apply", target)
            self._check_place(target)
            manifest = orjson.loads(body)
            live = self._find(target)
            self._check_preconditions(manifest["metadata"], live)
            result = self._merged(target, manifest, live, ownership)
            if write is Write.REAL:
                self.objects[_key(target)] = result
                self.log.append(("apply", target.name))
            return Applied(live is None, Live(orjson.dumps(result.wire())))

    def _check_place(self, target: Target) -> None:
        if self.kinds.get((target.kind.group, target.kind.kind)) is None:
            message = "the server could not find the requested resource"
            raise NotFoundError(message)
        if target.namespace and ("", "Namespace", "", target.namespace) not in self.objects:
            message = f'namespaces "{target.namespace}" not found'
            raise NotFoundError(message)

    def _check_preconditions(self, metadata: Mapping[str, Any], live: Stored | None) -> None:
        uid, version = metadata.get("uid"), metadata.get("resourceVersion")
        if live is None and uid:
            message = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise ConflictError(message)
        if live is not None and ((uid and uid != live.uid) or (version and version != str(live.version))):
            raise ConflictError(_OPTIMISTIC)

    def _merged(self, target: Target, manifest: dict[str, Any], live: Stored | None, ownership: Ownership) -> Stored:
        wanted = _own_fields(manifest)
        stored = live.copy() if live is not None else self._new(target)
        taken = {
            path: owner
            for owner, (paths, _) in stored.owners.items()
            if owner != US
            for path in paths & wanted.keys()
            if stored.fields.get(path) != wanted[path]
        }
        if taken and ownership is Ownership.RESPECT:
            message = f"Apply failed with {len(taken)} conflicts"
            raise ConflictError(message, causes=[_cause(path, owner) for path, owner in taken.items()])
        self._disown(stored, set(taken))
        before, held = dict(stored.fields), stored.owners.get(US, (frozenset(), 0))
        others = {path for owner, (paths, _) in stored.owners.items() if owner != US for path in paths}
        for path in held[0] - wanted.keys() - others:
            stored.fields.pop(path, None)
        stored.fields.update(wanted)
        if live is not None and before == stored.fields and held[0] == frozenset(wanted) and not taken:
            return stored
        self._touch(stored, before)
        stored.owners[US] = (frozenset(wanted), self._tick)
        return stored

    def patch(self, target: Target, operations: Sequence[Mapping[str, Any]]) -> LiveMeta:
        """Carry out one of the patches there are, under a resourceVersion: managedFields, or a Job's time to live."""
        with self._lock:
            self._count("patch", target)
            stored = self.objects[_key(target)]
            changes = {operation["path"]: operation["value"] for operation in operations}
            if changes["/metadata/resourceVersion"] != str(stored.version):
                raise ConflictError(_OPTIMISTIC)
            if "/metadata/managedFields" not in changes:
                ttl = {"spec": {"ttlSecondsAfterFinished": changes["/spec/ttlSecondsAfterFinished"]}}
                self._write(stored, flat(ttl), (MANAGER, "Update", ""))
                return Live(orjson.dumps(stored.wire())).meta
            self._touch(stored, stored.fields)
            stored.owners = {
                (entry["manager"], entry["operation"], entry.get("subresource", "")): (
                    frozenset(paths_of(entry["fieldsV1"])),
                    self._tick,
                )
                for entry in changes["/metadata/managedFields"]
            }
            return Live(orjson.dumps(stored.wire())).meta

    def delete(self, target: Target, *, uid: str, resource_version: str) -> tuple[str, ...] | None:
        """Delete under preconditions, at once; what has finalizers once they are taken off."""
        with self._lock:
            self._count("delete", target)
            stored = self._find(target)
            if stored is None:
                return None
            if (uid, resource_version) != (stored.uid, str(stored.version)):
                raise ConflictError(_OPTIMISTIC)
            self.log.append(("delete", target.name))
            if stored.finalizers:
                stored.deleting = True
                self._touch(stored, stored.fields)
            else:
                del self.objects[_key(target)]
            return stored.finalizers

    def _count(self, verb: str, target: Target) -> None:
        self._requests[verb] += 1
        self.before(verb, target)
        if verb == "get" and target.kind.kind == "CustomResourceDefinition":
            self._establish(target)

    def _establish(self, target: Target) -> None:
        stored = self._find(target)
        if stored is not None:
            self.establishing -= 1
            if self.establishing < 0:
                condition = {"type": "Established", "status": "True"}
                stored.fields |= flat({"status": {"conditions": [condition]}})

    # -- what others do ----------------------------------------------------------------------------------------

    def put(self, manifest: Mapping[str, Any], *, manager: str, operation: str = "Update") -> None:
        """Create an object, or take over its fields, as ``manager``."""
        kind = self.kinds[manifest["apiVersion"].rpartition("/")[0], manifest["kind"]]
        namespace = manifest["metadata"].get("namespace", "default") if kind.namespaced else ""
        target = Target(kind, namespace, manifest["metadata"]["name"])
        stored = self._find(target) or self._new(target)
        self.objects[_key(target)] = stored
        self._write(stored, _own_fields(manifest), (manager, operation, ""))

    def edit(self, kind: str, name: str, fields: Mapping[str, Any], *, manager: str, subresource: str = "") -> None:
        """Change fields of an object by hand, as ``kubectl edit`` (or, with ``scale``, ``kubectl scale``) does."""
        self._write(self.stored(kind, name), flat(fields), (manager, "Update", subresource))

    def _write(self, stored: Stored, fields: Flat, owner: Owner) -> None:
        before = dict(stored.fields)
        self._disown(stored, {path for path, value in fields.items() if stored.fields.get(path) != value})
        stored.fields.update(fields)
        self._touch(stored, before)
        held = stored.owners.get(owner, (frozenset(), 0))[0]
        stored.owners[owner] = (held | frozenset(fields), self._tick)

    def status(self, kind: str, name: str, **status: Any) -> None:
        """Write an object's status, as its controller does."""
        stored = self.stored(kind, name)
        fields = flat({"status": status})
        stored.fields.update(fields)
        self._touch(stored, stored.fields)
        stored.owners["controller", "Update", "status"] = (frozenset(fields), self._tick)

    def remove(self, kind: str, name: str) -> None:
        """Delete an object by hand."""
        del self.objects[_key(self._target(self.stored(kind, name)))]

    def stored(self, kind: str, name: str) -> Stored:
        """Return an object by kind and name."""
        return next(each for each in self.objects.values() if (each.kind.kind, each.name) == (kind, name))

    def show(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object as the API server shows it."""
        return self.stored(kind, name).wire()

    def names(self, kind: str) -> set[str]:
        """Return the names of all objects of a kind."""
        return {each.name for each in self.objects.values() if each.kind.kind == kind}

    def snapshot(self) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        """Return everything as it is."""
        return {key: stored.wire() for key, stored in self.objects.items()}

    # -- inside ------------------------------------------------------------------------------------------------

    def _find(self, target: Target) -> Stored | None:
        return self.objects.get(_key(target))

    def _target(self, stored: Stored) -> Target:
        return Target(stored.kind, stored.namespace, stored.name)

    def _new(self, target: Target) -> Stored:
        return Stored(target.kind, target.namespace, target.name, str(uuid.uuid4()), 0, 0)

    def _disown(self, stored: Stored, paths: set[Path]) -> None:
        stored.owners = {owner: (held - paths, tick) for owner, (held, tick) in stored.owners.items()}

    def _touch(self, stored: Stored, before: Flat) -> None:
        self._tick += 1
        stored.version = self._tick + 100
        if stored.kind.kind in _WITH_GENERATION and (_spec(before) != _spec(stored.fields) or not stored.generation):
            stored.generation += 1


def _key(target: Target) -> tuple[str, str, str, str]:
    return (target.kind.group, target.kind.kind, target.namespace, target.name)


def _spec(fields: Flat) -> Flat:
    return {path: value for path, value in fields.items() if path[0] == "f:spec"}


def _own_fields(manifest: Mapping[str, Any]) -> Flat:
    metadata = {key: value for key, value in manifest["metadata"].items() if key in {"labels", "annotations"} and value}
    body = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    whole = {**body, "metadata": metadata} if metadata else body
    return flat(whole) if whole else {}


def _cause(path: Path, owner: Owner) -> Cause:
    manager, _, subresource = owner
    inner = f' with subresource "{subresource}"' if subresource else ""
    return Cause("FieldManagerConflict", printed(path), f'conflict with "{manager}"{inner} using v1')
