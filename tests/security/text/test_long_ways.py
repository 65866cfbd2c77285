"""A key as long as a manifest allows, above as many fields as it allows: told of each field, it would be gigabytes.

Each of these took minutes or all memory. The bounds here are far above what they take now.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.domain.foreign import LONGEST_WAY, further
from common.domain.redact import MASK
from common.domain.secrecy import Secrets
from tests.security.rendering.attacks import render
from workers.render.cache import RenderCache
from workers.render.faults import (
    ChangingError,
    DecryptError,
    ManifestTooLargeError,
    RenderError,
    ToolBoundsError,
    UndefinedVariableError,
)
from workers.render.manifests import Sourced
from workers.render.renderers import Renderers
from workers.render.sandbox import Bounds
from workers.render.sops import Decryptor
from workers.render.substitute import substitute
from workers.render.twice import refuse_changing
from workers.sync.objects import fieldset
from workers.sync.plan import by_hand
from workers.sync.plan.diff import TEXT_LIMIT, diff

KEY = "k" * 500_000
FIELDS = 5_000
TWO_SECONDS = 2.0
MEMORY = 100 << 20


def _object(value: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {KEY: value}}


def _fields(value: Any) -> dict[str, Any]:
    return {f"f{number}": value for number in range(FIELDS)}


def _list(value: Any) -> list[Any]:
    return [value] * FIELDS


def _named(value: Any) -> list[Any]:
    return [{"name": f"f{number}", "value": value} for number in range(FIELDS)]


@contextmanager
def cheap(memory: int = MEMORY) -> Iterator[None]:
    """Assert that the block takes neither long nor much."""
    tracemalloc.start()
    began = time.process_time()
    try:
        yield
        took, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < TWO_SECONDS
    assert most < memory


@pytest.mark.parametrize("shape", [_fields, _list, _named])
def test_a_diff_tells_no_long_way_again_and_again(shape: Callable[[Any], Any]) -> None:
    with cheap():
        said = diff(_object(shape(1)), _object(shape(2)))
    assert len(said.text) < TEXT_LIMIT + LONGEST_WAY
    assert said.fields
    assert len(said.fields) + said.more == FIELDS


def test_a_diff_of_long_ways_hides_what_it_hid() -> None:
    """Ways are cut and masked on the way; what a Secret holds is hidden by where it really stands."""
    before = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "YmVmb3Jl"}}
    said = diff(before, before | {"data": {"a": "YWZ0ZXIg"}}, secrets=Secrets(["data"])).text
    assert "YmVm" not in said
    assert "YWZ0" not in said
    long = {"kind": "A", "metadata": {}, "spec": {f"{'k' * (LONGEST_WAY - 10)}hunter22-and-more": 1}}
    assert "hunter" not in diff({"kind": "A", "metadata": {}}, long, secrets=Secrets(["hunter22-and-more"])).text
    assert MASK in diff({"spec": {"hunter22": 1}}, {"spec": {"hunter22": 2}}, secrets=Secrets(["hunter22"])).text


def test_equal_objects_still_have_no_diff() -> None:
    assert not diff(_object(_fields(1)), _object(_fields(1)))
    assert diff(_object(_fields(1)), _object({**_fields(1), "f9": 2}))


def test_two_renderings_that_differ_tell_some_ways() -> None:
    first, second = ([Sourced(_object(_fields(value)), "f")] for value in (1, 2))
    with cheap(), pytest.raises(ChangingError, match="rendered twice"):
        refuse_changing(first, second, (), namespace="a")


def test_variables_without_values_tell_some_ways() -> None:
    with cheap(), pytest.raises(UndefinedVariableError, match="has no value") as caught:
        substitute([Sourced(_object(_fields("${absent}")), "f")], {})
    assert len(str(caught.value)) < 5_000


def test_what_was_added_by_hand_tells_some_ways() -> None:
    with cheap():
        names = by_hand.names({f"f:{KEY}": {f"f:{number}": {} for number in range(FIELDS)}})
    assert len(names) == by_hand.MOST
    assert max(map(len, names)) <= LONGEST_WAY + 1


def test_field_sets_are_compared_without_their_texts() -> None:
    fields: dict[str, Any] = {f"f:{KEY}": {f"f:{number}": {} for number in range(FIELDS)}}
    with cheap():
        known = fieldset.Paths(fields)
        assert f".{KEY}.4999" in known
        assert f".{KEY}.5000" not in known
        assert f".{KEY}" in known
        assert KEY not in known


def test_encrypted_files_have_no_long_ways() -> None:
    """Each value is authenticated with the way to it."""
    values = "".join(f"  f{number}: 1\n" for number in range(FIELDS))
    meta = 'sops: {mac: "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]", age: [{enc: x}]}'
    text = f"? {KEY}\n:\n{values}{meta}\n".encode()
    decryptor = _Opened("ref", ())
    with cheap(), pytest.raises(DecryptError, match="keys on the way"):
        decryptor.decrypted("a.yaml", text)


class _Opened(Decryptor):
    """Has the key of every file."""

    def _data_key(self, path: str, metadata: Mapping[str, Any]) -> bytes:  # noqa: ARG002 - as the other's
        return bytes(32)


PROGRAMS = {
    "objects": "{['k'+std.repeat('x',500000)]: std.makeArray(3000,function(i) "
    "{apiVersion:'v1',kind:'A',metadata:{name:'a%d'%i}})}",
    "no objects": "std.makeArray(300000, function(i) 1)",
    "long keys, no objects": "{['k'+std.repeat('x',500000)]: std.makeArray(3000, function(i) 1)}",
    "many values": "std.makeArray(2100000, function(i) {})",
    "deep": "local f(n)=if n==0 then 1 else {a:f(n-1)}; {apiVersion:'v1',kind:'A',metadata:{name:'a'},x:f(300)}",
    "deep, without an object": "local f(n)=if n==0 then 1 else [f(n-1)]; f(300)",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_program_gives_is_bounded_before_it_is_decoded(program: str, tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path), bounds=Bounds())
    try:
        files = {"app/main.jsonnet": PROGRAMS[program]}
        with cheap(400 << 20):
            if program == "objects":
                assert len(render(renderers, files).manifests) == 3000
            else:
                with pytest.raises((ManifestTooLargeError, RenderError)) as caught:
                    render(renderers, files)
                assert len(caught.value.message) < 5_000
    finally:
        renderers.close()


def test_a_long_value_is_not_inserted_without_end() -> None:
    text = "${long}" * 200_000
    for manifest in (_object(text), _object(_list("${long}")), _object({f"f{n}": "${long}" for n in range(50_000)})):
        with cheap(), pytest.raises(ToolBoundsError, match="in place of variables"):
            substitute([Sourced(manifest, "f")], {"long": "x" * 500_000})


@pytest.mark.parametrize("name", [".".join("a" * 200_000), "a." * 100_000 + "a", "a" + "." * 300_000, "a" * 400_000])
def test_a_long_name_of_a_variable_is_none(name: str) -> None:
    with cheap(), pytest.raises(UndefinedVariableError, match="is not a form known here"):
        substitute([Sourced(_object(f"${{{name}}}"), "f")], {"a": {"a": {}}})


def test_names_with_many_readings_are_bounded() -> None:
    """Each dot may part two keys or belong to one; values may have both."""
    values: Any = {}
    for _ in range(17):
        values = {"a": values, "a.a": values}
    names = [f"{'a.' * 30}b{number}" for number in range(300)]
    with cheap(), pytest.raises(FlotillaError, match=r"read in more than .* ways"):
        substitute([Sourced(_object({name: f"${{{name}}}" for name in names}), "f")], values)


def test_a_way_grows_no_further_than_it_may() -> None:
    way = ""
    for number in range(5_000):
        way = further(way, f".step{number}")
    assert len(way) == LONGEST_WAY + 1
    assert further("", ".a") == ".a"
    assert further(".a", "[0]") == ".a[0]"
