"""Answers of a hostile cluster: over the wire, page by page, and object by object through all that reads them."""

from __future__ import annotations

import atexit
import gzip
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import orjson

from common.domain.errors import FlotillaError
from common.domain.fleet import AdoptPolicy, ConflictPolicy, ExtraFields, IgnoreRule, SyncSettings
from common.domain.refs import ObjectId
from tests.fakes.cluster import FakeCluster
from tests.fakes.hostile_cluster import HostileCluster, head, hostile_cluster, page, whole
from tests.fakes.sync import SHOP, Site, config_map, deployment
from tests.fuzz.bending import bent_json
from tests.fuzz.harness import target
from tests.harness.definitions import definition, gadget
from workers.kube import ClusterPool, KubeCluster
from workers.kube.errors import NOT_JSON, from_answer, retry_after
from workers.kube.listing import decode_metadata, decode_objects
from workers.kube.pool import OWN
from workers.kube.weight import weighed
from workers.sync import sweep
from workers.sync.errors import GarbageError
from workers.sync.health import Context, assess
from workers.sync.hooks.execution import hook_state
from workers.sync.objects import marks
from workers.sync.objects.fingerprint import fingerprint_like
from workers.sync.objects.live import Kind, Live, by_id
from workers.sync.ports import Applied, Ownership, Target, Write
from workers.sync.requests import DryRuns, Phase

_PODS = Kind("", "v1", "Pod", "pods", namespaced=True)
_POD = Target(_PODS, "default", "a")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ENTRY = {
    "manager": "flotilla",
    "operation": "Apply",
    "apiVersion": "v1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {
        "f:metadata": {"f:labels": {"f:a": {}, ".": {}}, "f:annotations": {"f:b": {}}},
        "f:data": {".": {}, "f:key": {}},
        "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}, "f:finalizers": {'v:"x"': {}}},
    },
}
_META = {
    "name": "a",
    "namespace": "default",
    "uid": "u-1",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {"a": "b", "flotilla.dev/placement": "x"},
    "annotations": {"b": "c", "flotilla.dev/owner": "acme/alpha/shop/v1/Pod/default/a"},
    "managedFields": [_ENTRY, {**_ENTRY, "manager": "kubectl-edit", "operation": "Update"}],
    "finalizers": ["example.com/x"],
}
_STATUS = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 1,
    "phase": "Running",
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "ImagePullBackOff",
            "message": "no",
            "observedGeneration": "3",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
        {"type": "Established", "status": "True"},
    ],
    "containerStatuses": [{"name": "web", "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
}
_OBJECT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": _META,
    "spec": {"replicas": 2, "containers": [{"name": "web", "image": "x:1"}], "storageClassName": "slow"},
    "data": {"key": "value"},
    "status": _STATUS,
}
_AT = ObjectId("", "ConfigMap", "default", "a")
_OURS = {**_META, "annotations": {marks.OWNER: marks.owner_mark("acme", SHOP, _AT)}, "generation": 0}
_MAP = {**_OBJECT, "kind": "ConfigMap", "metadata": _OURS, "spec": {}}
_REFUSAL = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": 'Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.key',
    "reason": "Conflict",
    "details": {
        "name": "a",
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".data.key"}],
    },
    "code": 409,
}
_ITEM = orjson.dumps(_OBJECT)
_MANY = b"[" + b",".join([_ITEM] * 3) + b"]"
_WORDS = [
    *(
        b'"metadata":',
        b'"managedFields":[',
        b'"fieldsV1":{',
        b'"f:spec":{',
        b'"k:{\\"name\\":\\"a\\"}":{',
        b'"v:1":{}',
        b'"i:0":{}',
    ),
    *(
        b'"continue":"',
        b'"items":[',
        b'"kind":"Status"',
        b'"labels":{',
        b'"annotations":null',
        b'"name":null',
        b'"uid":"',
    ),
    *(
        b'"status":{',
        b'"conditions":[{',
        b'"generation":-1',
        b"null",
        b"[]",
        b"{}",
        b'"deletionTimestamp":"',
        b'"\\ud800"',
        b'""',
    ),
    *(b'".":{}', b'"f:', b'"k:[]":{}', b'"v:{":{}', b"1e400", b'"spec":[', b'"spec":null', b'"causes":['),
]
_HTTP = [
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 ",
        b"Transfer-Encoding: chunked\r\n",
        b"0\r\n\r\n",
    ),
    *(
        b"Content-Length: ",
        b"Content-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"ffffffff\r\n",
        b"Location: /x\r\n",
    ),
]


@cache
def _hostile() -> tuple[HostileCluster, ClusterPool]:
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="flotilla-fuzz-")))
    running = stack.enter_context(hostile_cluster(folder / "tls"))
    pool = ClusterPool(running.provider(), timedelta(seconds=5))
    stack.callback(pool.close)
    return running, pool


_ASKED: tuple[Callable[[KubeCluster], object], ...] = (
    lambda cluster: cluster.list_meta(_PODS, namespace="", selector="a"),
    lambda cluster: cluster.list_objects(_PODS, namespace="default", selector="a"),
    lambda cluster: cluster.get(_POD),
    lambda cluster: cluster.apply(_POD, b"{}", write=Write.DRY_RUN, ownership=Ownership.FORCE),
    lambda cluster: cluster.patch(_POD, [{"op": "replace", "path": "/a", "value": 1}]),
    lambda cluster: cluster.delete(_POD, uid="u", resource_version="1"),
    lambda cluster: cluster.refresh_kinds(),
    lambda cluster: cluster._log(_POD, 10),
)


def _chunked(body: bytes) -> bytes:
    parts = (body[at : at + 700] for at in range(0, len(body), 700))
    framed = b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in parts)
    return head("Transfer-Encoding: chunked") + framed + b"0\r\nX-Trailer: x\r\n\r\n"


_LISTED = page(_MANY, token="next")


@target(
    seeds=[
        *(whole(_ITEM), whole(page(_MANY)), whole(_LISTED), _chunked(page(_MANY)), whole(page(_MANY, kind="PodList"))),
        *(whole(orjson.dumps(_REFUSAL), status=status) for status in ("409 Conflict", "404 Not Found", "410 Gone")),
        head("Content-Encoding: gzip", "Connection: close") + gzip.compress(_LISTED),
        head(status="103 Early Hints") + whole(b"{}"),
        whole(b'{"type":"ADDED","object":%b}\n' % _ITEM * 3),
    ],
    words=[*_HTTP, *_WORDS],
    largest=1 << 20,
    share=60,
)
def answers(data: bytes) -> None:
    """Answer every request with these bytes, and end the connection."""
    running, pool = _hostile()

    def send(wire: object) -> None:
        wire.send(data)  # type: ignore[attr-defined]
        raise ConnectionError

    running.script = send
    running.asked.clear()
    session = pool.connect("it", server=running.server, credentials="clusters/it").session("fuzz", account=OWN)
    for ask in (_ASKED[crc32(data) % len(_ASKED)], _ASKED[0]):
        with suppress(FlotillaError):
            ask(session)


_KINDS = tuple(
    Kind(group, "v1", kind, "", namespaced=True)
    for group, kinds in {
        "apps": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
        "batch": ("Job", "CronJob"),
        "": ("Pod", "PersistentVolumeClaim", "Service"),
        "networking.k8s.io": ("Ingress",),
        "autoscaling": ("HorizontalPodAutoscaler",),
        "apiregistration.k8s.io": ("APIService",),
        "apiextensions.k8s.io": ("CustomResourceDefinition",),
        "policy": ("PodDisruptionBudget",),
        "argoproj.io": ("Rollout", "Application"),
        "cert-manager.io": ("Certificate",),
        "tenant.example.com": ("Gadget",),
    }.items()
    for kind in kinds
)


@target(
    seeds=[page(_MANY), _LISTED, page(b"[" + _ITEM + b"]", kind="PodList"), page(b"null")],
    words=_WORDS,
    largest=4 << 20,
    bend=bent_json,
)
def lists(data: bytes) -> None:
    """Read a page of a LIST, and judge the health and the drift of what it holds."""
    with suppress(FlotillaError, *NOT_JSON):
        metas = decode_metadata(weighed(data, "LIST /x")).items
        sweep.compare("acme", "alpha", {SHOP: ()}, {("", "Pod"): metas}, key=b"key")
        for meta in metas:
            fingerprint_like("", meta, b"key")
    with suppress(FlotillaError, *NOT_JSON):
        objects = decode_objects(weighed(data, "LIST /x")).items
        for kind in _KINDS:
            for object_id, live in by_id(kind, objects).items():
                assess(live, Context(_NOW))
                hook_state(object_id, live, Context(_NOW))


@target(
    seeds=[orjson.dumps(_REFUSAL), b"upstream connect error", orjson.dumps({**_REFUSAL, "details": None})],
    words=[
        *_WORDS,
        b'admission webhook "a" denied the request',
        b"exceeded quota: ",
        b" not found",
        b'"field":"metadata.uid"',
        b"does not support dry run",
        b"Wed, 21 Oct 2026 07:28:00 GMT",
        b"failed to create typed patch object",
    ],
)
def refusals(data: bytes) -> None:
    """Read how a cluster refuses, and how long it asks to wait."""
    for code in (400, 401, 403, 404, 409, 410, 422, 429, 500, 503):
        from_answer(code, {}, data, "PATCH /x")
    retry_after({"Retry-After": data[:200].decode("latin-1")})


class _Lying(FakeCluster):
    """A cluster that shows every object as it likes, once ``says`` is set."""

    says: bytes | None = None

    def get(self, target: Target) -> Live | None:
        found = super().get(target)
        return found if self.says is None or found is None else _live(self.says)

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Applied:
        if self.says is None:
            return super().apply(target, body, write=write, ownership=ownership)
        return Applied(created=False, live=_live(self.says))


def _live(data: bytes) -> Live:
    """Return what ``KubeCluster`` makes of an answer."""
    try:
        return Live(data)
    except NOT_JSON as error:
        raise GarbageError(str(error)) from error


_SETTINGS = SyncSettings(
    adopt=AdoptPolicy.ANY,
    conflicts=ConflictPolicy.TAKE_OVER,
    extra_fields=ExtraFields.REMOVE,
    ignore=(
        IgnoreRule("ConfigMap", paths=("/data/key",), managers=("kubectl-edit",)),
        IgnoreRule("Deployment", paths=("/spec/replicas", "/spec/template/spec/containers/0/image")),
    ),
)
_JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"ttlSecondsAfterFinished": 9}}
_HOOK = {"name": "a", "annotations": {"flotilla.dev/hook": "pre-sync"}}
_CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
_PLACEMENTS = (
    (config_map("a"),),
    (deployment("a"),),
    ({**config_map("b"), "metadata": {"name": "b", "annotations": {"flotilla.dev/apply": "merge"}}},),
    ({**_CLAIM, "metadata": {"name": "a"}},),
    ({**_JOB, "metadata": _HOOK}, config_map("a")),
    (definition(), gadget()),
)
"""Each by itself: the first object that cannot be read ends an attempt."""


@target(seeds=[_ITEM, orjson.dumps(_MAP)], words=_WORDS, bend=bent_json, share=80, largest=64 << 10)
def objects(data: bytes) -> None:
    """Show each object of a placement in this way, from its first sync until it is removed."""
    for mine in _PLACEMENTS:
        cluster = _Lying()
        site = Site(cluster, settings=_SETTINGS)
        site.sync(*mine)
        cluster.says = data
        for phase in (Phase.APPLY, Phase.CHECK, Phase.REMOVE):
            with suppress(FlotillaError):
                site.sync(*mine, phase=phase, dry_runs=DryRuns.ALL)
