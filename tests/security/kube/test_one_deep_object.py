"""One object that nests too deep for any reader keeps nobody else's objects of its kind from being looked at.

Class "one tenant stops the others": the marker is an honest object of the same kind that a LIST shows no more, or a
LIST that fails. API servers take 10,000 levels where a definition lets fields through unlooked at.
"""

from __future__ import annotations

import httpx
import pytest

from tests.fakes.sync import Site, WallClock
from tests.harness.definitions import definition, gadget
from tests.harness.webhooks import in_force
from workers.sync.objects.depth import DEEPEST, depth, trimmed
from workers.sync.objects.live import Kind
from workers.sync.results import Ending

GADGETS = Kind("tenant.example.com", "v1", "Gadget", "gadgets", namespaced=True)
PLACE = "/apis/tenant.example.com/v1/namespaces/default/gadgets"


def nested(levels: int, *, lists: bool = False) -> bytes:
    opener, closer = (b"[", b"]") if lists else (b'{"a":', b"}")
    return opener * levels + b'"bottom"' + closer * levels


def made(kubectl: httpx.Client, name: str, spec: bytes) -> None:
    body = (
        b'{"apiVersion":"tenant.example.com/v1","kind":"Gadget","metadata":{"name":"%b","labels":{"a":"b"}},"spec":%b}'
    )
    headers = {"Content-Type": "application/json"}
    kubectl.post(PLACE, content=body % (name.encode(), spec), headers=headers).raise_for_status()


@pytest.mark.parametrize(
    "spec",
    [nested(DEEPEST + 10), nested(1_500), nested(4_000), nested(4_000, lists=True)],
    ids=["just too deep", "too deep for a decoder", "thousands", "lists"],
)
def test_the_others_of_its_kind_are_listed(site: Site, kubectl: httpx.Client, spec: bytes) -> None:
    kubectl.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition()).raise_for_status()
    in_force(lambda: kubectl.get(PLACE).is_success)
    for name, inside in (("a", b'{"n":1}'), ("deep", spec), ("z", b'{"n":2}')):
        made(kubectl, name, inside)
    kept = {"namespace": "default", "selector": "a=b"}
    assert [meta.name for meta in site.cluster.list_meta(GADGETS, **kept)] == ["a", "deep", "z"]
    whole = site.cluster.list_objects(GADGETS, **kept)
    assert [
        (body["metadata"]["name"], body["spec"].get("n")) for body in whole if body["metadata"]["name"] != "deep"
    ] == [
        ("a", 1),
        ("z", 2),
    ]


def test_the_one_who_wrote_it_can_take_it_back(site: Site, kubectl: httpx.Client) -> None:
    kubectl.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition()).raise_for_status()
    in_force(lambda: kubectl.get(PLACE).is_success)
    site.clock = WallClock()
    assert site.sync(gadget(namespace="default")).ending is Ending.SUCCEEDED
    patch = b'{"spec":{"deep":%b}}' % nested(2_000)
    headers = {"Content-Type": "application/merge-patch+json"}
    kubectl.patch(f"{PLACE}/web", content=patch, headers=headers).raise_for_status()
    site.cluster.list_meta(GADGETS, namespace="default", selector="")
    kubectl.patch(f"{PLACE}/web", content=b'{"spec":{"deep":null}}', headers=headers).raise_for_status()
    assert site.sync(gadget(namespace="default")).ending is Ending.SUCCEEDED


# -- what is cut off ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("levels", [DEEPEST, DEEPEST + 1, 3_000, 200_000])
def test_what_lies_too_deep_becomes_empty(levels: int, *, lists: bool) -> None:
    raw = b'{"items":[{"a":1},' + nested(levels, lists=lists) + b',{"b":"}{]["}]}'
    cut = trimmed(raw)
    assert depth(cut) == min(DEEPEST + 2, levels + 2)
    assert cut.startswith(b'{"items":[{"a":1},')
    assert cut.endswith(b',{"b":"}{]["}]}')


@pytest.mark.parametrize("text", [b'"}"', b'"\\"}"', b'"\\\\"', b'"[[[["', b'"\\\\\\"{"'])
def test_brackets_in_texts_are_no_levels(text: bytes) -> None:
    raw = b'{"a":[' + text + b",{" + text + b":" + text + b"}]}"
    assert trimmed(raw) == raw
    deep = b"[" * 300 + text + b"]" * 300
    assert trimmed(deep) == b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2)


def test_what_is_sound_is_as_it_was() -> None:
    raw = b'{"a":[{"b":[1,2,{"c":"d"}]},"e"],"f":{}}'
    assert trimmed(raw) is raw
