"""Foreign text holds the interpreter, loops and bombs: what a hostile cluster answers costs a bounded amount.

Each attack ends within its deadline and its budget, with an error that is the cluster's, and the next request to an
honest path of the same cluster works.
"""

from __future__ import annotations

import gzip
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import orjson
import pytest

from common.domain.errors import TransientError
from common.domain.inventory import End, HookState
from common.domain.refs import ObjectId
from common.domain.status import NO_CONTACT
from tests.fakes.hostile_cluster import HostileCluster, Wire, head, hostile_cluster, page, whole
from workers.kube import ClusterPool, KubeCluster
from workers.kube.bounded import LARGEST_ANSWER
from workers.kube.budget import ListBounds, Pages, Spending
from workers.kube.client import Client
from workers.kube.credentials import Access
from workers.kube.pool import OWN
from workers.kube.weight import MOST_VALUES
from workers.sync import errors
from workers.sync.health import Context
from workers.sync.health.lifetime import end_of
from workers.sync.hooks.execution import hook_state
from workers.sync.objects.depth import DEEPEST, mapping
from workers.sync.objects.fingerprint import fingerprint
from workers.sync.objects.live import Kind, Live, LiveMeta, ManagedFields
from workers.sync.ports import Target

TIMEOUT = timedelta(seconds=1)
SLACK = 1.5
"""Seconds beyond the time-out: a machine that is busy with other things is not the cluster's doing."""
PODS = Kind("", "v1", "Pod", "pods", namespaced=True)
MEBIBYTE = 1024 * 1024


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[HostileCluster]:
    with hostile_cluster(tmp_path / "tls") as running:
        yield running


@pytest.fixture
def client(hostile: HostileCluster) -> Iterator[Client]:
    made = Client(Access(hostile.server, ca=hostile.ca, token="t"), TIMEOUT)
    yield made
    made.close()


@pytest.fixture
def session(hostile: HostileCluster) -> Iterator[KubeCluster]:
    pool = ClusterPool(hostile.provider(), TIMEOUT)
    yield pool.connect("it", server=hostile.server, credentials="clusters/it").session("flotilla/test", account=OWN)
    pool.close()


def refused(client: Client) -> TransientError:
    """Return the error of a request, once it is sure that it came in time and left the client of use."""
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        client.send("PATCH", "/attack", {"Content-Type": "application/json"}, {})
    assert time.monotonic() - began < TIMEOUT.total_seconds() + SLACK
    assert caught.value.code in NO_CONTACT
    return caught.value


def interim(wire: Wire) -> None:
    wire.for_ever(b"HTTP/1.1 100 Continue\r\nX-Filling: " + b"x" * 1000 + b"\r\n\r\n")


def endless_chunks(wire: Wire) -> None:
    wire.send(head("Transfer-Encoding: chunked"))
    wire.for_ever(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def crumbs(wire: Wire) -> None:
    wire.send(head("Transfer-Encoding: chunked"))
    wire.for_ever(b"1\r\nx\r\n" * 4000)


def endless_trailers(wire: Wire) -> None:
    wire.send(head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n")
    wire.for_ever(b"X-Trailer: x\r\n" * 1000)


def endless_header(wire: Wire) -> None:
    wire.send(head("Content-Length: 2")[:-2] + b"X: ")
    wire.for_ever(b"x" * 65536)


def endless_body(wire: Wire) -> None:
    wire.send(head("Connection: close"))
    wire.for_ever(b" " * 65536)


def packed(wire: Wire) -> None:
    body = gzip.compress(b" " * (64 * MEBIBYTE))
    wire.send(head(f"Content-Length: {len(body)}", "Content-Encoding: gzip") + body)


def claimed_huge(wire: Wire) -> None:
    wire.send(head(f"Content-Length: {10**15}") + b"{")


def claimed_longer(wire: Wire) -> None:
    wire.send(head("Content-Length: 10") + b"{}")
    wire.socket.close()


def never_ending(wire: Wire) -> None:
    wire.send(head("Content-Length: 10") + b"{}")


def early_hints(wire: Wire) -> None:
    wire.send(head(status="103 Early Hints") + whole(b"{}"))


@pytest.mark.parametrize(
    "attack",
    [
        interim, endless_chunks, crumbs, endless_trailers, endless_header, endless_body, packed, claimed_huge,
        claimed_longer, never_ending, early_hints,
    ],
)  # fmt: skip
def test_an_answer_that_does_not_end_ends(
    hostile: HostileCluster, client: Client, attack: Callable[[Wire], None]
) -> None:
    hostile.script = lambda wire: attack(wire) if wire.target == "/attack" else wire.send(whole(b"{}"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(client)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 4 * LARGEST_ANSWER // 1024
    assert client.send("GET", "/honest", {}).body == b"{}"


@pytest.mark.parametrize(
    "data",
    [
        head("X-Filling: " + "x" * 60_000),
        head("Content-Length: 60000") + b"x" * 60_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
        head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n" + b"X: x\r\n" * 5000,
        b"H" * 5000,
    ],
    ids=["headers", "body", "interim answers", "trailers", "status line"],
)
def test_what_drips_is_stopped_by_the_deadline_wherever_it_drips(
    hostile: HostileCluster, client: Client, data: bytes
) -> None:
    hostile.script = lambda wire: wire.drip(data, every=0.01)
    assert isinstance(refused(client), errors.TimedOutError)


def test_who_does_not_read_is_not_written_to_for_ever(hostile: HostileCluster, client: Client) -> None:
    hostile.reads = False
    hostile.script = slow_reader
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(errors.TimedOutError):
            client.send("PATCH", "/attack", {"Content-Type": "application/apply-patch+yaml"}, b"x" * (64 * MEBIBYTE))
    assert time.monotonic() - began < 2 * (TIMEOUT.total_seconds() + SLACK)


def slow_reader(wire: Wire) -> None:
    wire.over.wait(10)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_nothing_is_followed(hostile: HostileCluster, client: Client, status: str) -> None:
    to = f"Location: {hostile.server}/elsewhere"
    hostile.script = lambda wire: wire.send(head(to, "Content-Length: 0", status=status))
    assert client.send("GET", "/attack", {}).status == int(status[:3])
    assert hostile.asked == ["/attack"]


def test_values_are_counted_before_they_are_decoded(hostile: HostileCluster, client: Client) -> None:
    body = b"[" + b"{}," * MOST_VALUES + b"{}]"
    hostile.script = lambda wire: wire.send(whole(body))
    error = refused(client)
    assert isinstance(error, errors.AnswerTooLargeError)
    assert f"{MOST_VALUES:,} values" in str(error)


def test_what_only_looks_like_values_is_text(hostile: HostileCluster, client: Client) -> None:
    text = orjson.dumps({"data": '{"a":["\\",{[' * 500_000})
    hostile.script = lambda wire: wire.send(whole(text))
    assert client.send("GET", "/honest", {}).body == text


def item(number: int) -> bytes:
    return b'{"metadata":{"name":"p%d"}}' % number


def tokens(wire: Wire, *, items: bytes = b"[]") -> None:
    last = wire.target.partition("continue=")[2] or "0"
    wire.send(whole(page(items, token=str(int(last) + 1))))


@pytest.mark.parametrize("items", [b"[]", b'[{"metadata":{"name":"a"}}]', b"null"])
def test_a_list_that_always_continues_ends(hostile: HostileCluster, session: KubeCluster, items: bytes) -> None:
    hostile.script = lambda wire: tokens(wire, items=items)
    with pytest.raises(errors.TooMuchError, match="pages") as caught:
        session.list_meta(PODS, namespace="", selector="a")
    assert caught.value.code in NO_CONTACT
    assert len(hostile.asked) <= 1_000


@pytest.mark.parametrize("order", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
def test_a_list_that_goes_in_a_circle_ends(hostile: HostileCluster, session: KubeCluster, order: list[str]) -> None:
    left = list(order)
    hostile.script = lambda wire: wire.send(whole(page(token=left.pop(0) if left else "a")))
    with pytest.raises(errors.GarbageError, match="a former one did"):
        session.list_meta(PODS, namespace="", selector="a")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"size": 11, "objects": 1}, "10 bytes"),
        ({"size": 1, "objects": 6}, "5 objects"),
    ],
)
def test_a_list_has_bounds_in_all(given: dict[str, int], what: str) -> None:
    pages = Pages("LIST /x", ListBounds(10, objects=5))
    with pytest.raises(errors.TooMuchError, match=what):
        pages.add(**given, token="")


def test_a_list_has_a_bound_of_time() -> None:
    now = iter([0.0, 299.0, 301.0])
    pages = Pages("LIST /x", ListBounds(10), clock=lambda: next(now))
    pages.add(size=1, objects=1, token="a")
    with pytest.raises(errors.TooMuchError, match="300 s"):
        pages.add(size=1, objects=1, token="b")


def test_slow_answers_are_not_waited_for_at_every_object() -> None:
    spending = Spending()
    for _ in range(22):
        spending.add(seconds=9.9, size=1)
    with pytest.raises(errors.TooMuchError, match="228 s for 23 requests"):
        spending.add(seconds=9.9, size=1)


def test_a_cluster_that_answers_within_a_second_spends_nothing() -> None:
    spending = Spending()
    for _ in range(10_000):
        spending.add(seconds=1.0, size=1_000)


def test_the_bytes_of_one_attempt_are_bounded() -> None:
    spending = Spending()
    spending.add(seconds=0.0, size=2048 * MEBIBYTE)
    with pytest.raises(errors.TooMuchError, match="bytes in all"):
        spending.add(seconds=0.0, size=1)


def test_large_objects_are_asked_for_a_few_at_once(
    hostile: HostileCluster, session: KubeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.kube.client.LARGEST_ANSWER", 200_000)

    def serve(wire: Wire) -> None:
        limit = int(wire.target.partition("limit=")[2].partition("&")[0])
        first = int(wire.target.partition("continue=")[2] or 0)
        last = min(first + limit, 60)
        items = b"[" + b",".join(item(number) for number in range(first, last)) + b"]"
        filled = page(items, token=str(last) if last < 60 else "")
        wire.send(whole(filled + b" " * (3_500 * min(limit, 60))))

    hostile.script = serve
    found = session.list_meta(PODS, namespace="", selector="a")
    assert [meta.name for meta in found] == [f"p{number}" for number in range(60)]
    assert [target.partition("limit=")[2].partition("&")[0] for target in hostile.asked][:2] == ["500", "50"]


@pytest.mark.parametrize("item", [b"[]", b"3", b'"x"', b"null"])
def test_an_item_that_is_no_object_is_garbage(hostile: HostileCluster, session: KubeCluster, item: bytes) -> None:
    hostile.script = lambda wire: wire.send(whole(page(b"[" + item + b"]", kind="PodList")))
    with pytest.raises(errors.GarbageError):
        session.list_objects(PODS, namespace="", selector="a")


@pytest.mark.parametrize(
    "metadata",
    [
        b"3", b"[]", b"null", b"{}", b'{"name":""}', b'{"name":null}', b'{"name":["a"]}', b'{"name":{"a":1}}',
        b'{"name":"a","namespace":{}}', b'{"name":"a","namespace":["b"]}', b'{"name":"a","labels":["b"]}',
        b'{"name":"a","annotations":{"b":3}}', b'{"name":"a","uid":7}', b'{"name":"a","name":3}',
    ],
)  # fmt: skip
def test_an_item_that_nobody_can_tell_apart_is_garbage(
    hostile: HostileCluster, session: KubeCluster, metadata: bytes
) -> None:
    sound = b'{"metadata":{"name":"a","namespace":"b"}}'
    items = b"[" + sound + b',{"metadata":' + metadata + b"}," + sound + b"]"
    hostile.script = lambda wire: wire.send(whole(page(items, kind="PodList")))
    with pytest.raises(errors.GarbageError):
        session.list_objects(PODS, namespace="", selector="a")


def test_an_item_without_metadata_is_garbage(hostile: HostileCluster, session: KubeCluster) -> None:
    hostile.script = lambda wire: wire.send(whole(page(b'[{"spec":{}}]', kind="PodList")))
    with pytest.raises(errors.GarbageError):
        session.list_objects(PODS, namespace="", selector="a")


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"{}" + b"}" * depth


@pytest.mark.parametrize("depth", [DEEPEST, 1_000, 5_000, 500_000])
@pytest.mark.parametrize("how", ["decoded", "got"])
def test_deep_nesting_is_garbage(hostile: HostileCluster, session: KubeCluster, depth: int, how: str) -> None:
    body = b'{"metadata":{"name":"a"},"spec":%b}' % nested(depth)
    hostile.script = lambda wire: wire.send(whole(body))
    reads: dict[str, Callable[[], object]] = {"decoded": lambda: mapping(body), "got": lambda: _got(session).body()}
    with pytest.raises(errors.GarbageError):
        reads[how]()


def _got(session: KubeCluster) -> Live:
    live = session.get(Target(PODS, "default", "a"))
    assert live is not None
    return live


@pytest.mark.parametrize("key", ['"}"', '"]]"', r'"\"}"', r'"\\"', r'"\\\"}}"'])
def test_brackets_in_texts_do_not_hide_depth(key: str) -> None:
    levels = 2 * DEEPEST
    body = f"{{{key}:".encode() * levels + b"{}" + b"}" * levels
    assert orjson.loads(body)
    with pytest.raises(errors.GarbageError, match="levels"):
        mapping(body)


def test_depth_is_not_breadth_nor_text() -> None:
    wide = {str(number): [{}, '{["\\'] for number in range(5_000)}
    assert mapping(orjson.dumps(wide)) == wide
    text = {"a": "{[" * 5_000, "b": {}}
    assert mapping(orjson.dumps(text)) == text


@pytest.mark.parametrize("fields", [b"3", b'{"f:metadata":3}', b'{"f:metadata":' + nested(3_000) + b"}", b"[]"])
def test_managed_fields_that_are_none_are_garbage(fields: bytes) -> None:
    entry = ManagedFields(manager="flotilla", operation="Apply", fields=msgspec.Raw(fields))
    with pytest.raises(errors.GarbageError):
        fingerprint(LiveMeta(managed_fields=(entry,)))


@pytest.mark.parametrize(
    "fields",
    [
        '{"f:a":3}', '{"f:a":[]}', '{"f:a":null}', '{"f:a":"x"}', '{"a":{}}', '{"":{}}', '{"f":{}}', '{"k:[]":{}}',
        '{"k:{}":{}}', '{"k:{":{}}', '{"k:3":{}}', '{"v:":{}}', '{"v:{":{}}', '{"i:x":{}}', '{"i:":{}}', '{"x:y":{}}',
        '{"f:a":{"f:b":{"k:null":{}}}}',
    ],
)  # fmt: skip
def test_a_step_of_managed_fields_that_is_none_is_garbage(fields: str) -> None:
    with pytest.raises(errors.GarbageError, match="no step"):
        ManagedFields(fields=msgspec.Raw(fields.encode())).decoded()


def test_every_step_that_an_api_server_writes_is_one() -> None:
    steps: tuple[str, ...] = (".", "f:", 'k:{"b":1,"c":"d"}', 'v:"x"', "v:null", "v:1.5", "i:-1")
    fields: dict[str, object] = {"f:a": {step: {} for step in steps}}
    assert ManagedFields(fields=msgspec.Raw(orjson.dumps(fields))).decoded() == fields


@pytest.mark.parametrize(
    "status",
    [
        3, "x", [], [[]], None, {"phase": []}, {"phase": {}}, {"phase": 3}, {"conditions": 3}, {"conditions": {}},
        {"conditions": [3, [], None]}, {"conditions": [{"type": [], "status": {}}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [("", "Pod"), ("batch", "Job"), ("", "PersistentVolumeClaim"), ("apps", "Deployment")])
def test_a_status_is_read_whatever_it_is(kind: tuple[str, str], status: object) -> None:
    live = {"metadata": {"name": "a"}, "spec": status, "status": status}
    found = ObjectId(*kind, "default", "a")
    state, _ = hook_state(found, live, Context(datetime(2026, 1, 1, tzinfo=UTC)))
    assert state is not HookState.NONE
    assert end_of(found, live) is End.NONE


def test_a_refusal_with_a_million_causes_is_not_read(hostile: HostileCluster, session: KubeCluster) -> None:
    body = orjson.dumps({"kind": "Status", "message": "no", "details": {"causes": [{"field": "a"}] * 20_000}})
    hostile.script = lambda wire: wire.send(whole(body, status="422 Unprocessable Entity"))
    with pytest.raises(errors.GarbageError):
        session.list_meta(PODS, namespace="", selector="a")
