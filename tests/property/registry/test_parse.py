"""However a registry is mangled: no crash, no lost document, and the last good version stays."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.domain.fleet import ClusterState
from common.registry import Documents, FaultScope, parse, restore
from common.yaml import REGISTRY_LIMITS, Dialect, YamlError, load_documents
from tests.property.registry.strategies import registries

SETTINGS = settings(max_examples=40)
TOKENS = [token.encode() for token in (
    "[", "{", "}", "- ", ": ", "\n", "\t", "*a ", "&a ", "<<: ", "!!int ", "|", "'", '"', "#", "\0", "---\n", "null",
    "? ",
    "999999999999999999999", "kind", "spec", "\u202e", "%", "\u0085",
)] + [b"\xff"]  # fmt: skip


def mangled(text: bytes, seed: int) -> bytes:
    """Return ``text`` with a few places cut, doubled or overwritten."""
    dice = random.Random(seed)  # noqa: S311  # not for secrets: a test must repeat itself
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(text))
        length = dice.choice([0, 1, 1, 2, 5, 40])
        piece = dice.choice([*TOKENS, text[at : at + 30]])
        text = text[:at] + piece + text[at + length :]
    return text


@SETTINGS
@given(registries(), st.integers(0, 10**9), st.data())
def test_mangling_one_file_gives_faults_or_a_fleet(files: dict[str, bytes], seed: int, data: st.DataObject) -> None:
    good = parse(files)
    name = data.draw(st.sampled_from(sorted(files)))
    result = parse({**files, name: mangled(files[name], seed)}, good.documents)
    assert result.refused == any(fault.scope is FaultScope.REFUSES for fault in result.faults)
    assert list(result.faults) == sorted(result.faults)
    assert all(fault.line >= 1 and fault.what and fault.remedy for fault in result.faults)
    if result.refused:
        assert result.documents == good.documents
    if good.fleet is not None and not good.faults:
        assert result.fleet is not None
        kept = {name for name, one in good.fleet.clusters.items() if one.state is not ClusterState.RETIRED}
        assert kept <= set(result.fleet.clusters), (
            "a cluster that is retired is the only one that goes with its document"
        )


@SETTINGS
@given(registries(), registries())
def test_a_commit_gives_the_same_fleet_from_memory_and_from_storage(
    before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    first = parse(before)
    stored = Documents.from_json(json.loads(json.dumps(first.documents.to_json())))
    assert stored.to_json() == first.documents.to_json()
    assert restore(stored) == first.fleet
    one, two = parse(after, first.documents), parse(after, stored)
    assert one.fleet == two.fleet
    assert one.faults == two.faults
    assert one.documents.to_json() == two.documents.to_json()


@SETTINGS
@given(registries(), registries())
def test_a_commit_parsed_twice_gives_what_it_gave_once(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    first = parse(after, parse(before).documents)
    again = parse(after, first.documents)
    assert again.fleet == first.fleet
    assert {fault.what for fault in again.faults} <= {fault.what for fault in first.faults}


@SETTINGS
@given(registries())
def test_the_order_of_files_decides_nothing(files: dict[str, bytes]) -> None:
    one, two = parse(files), parse(dict(reversed(files.items())))
    assert (one.fleet, one.faults) == (two.fleet, two.faults)


@SETTINGS
@given(registries(), registries())
def test_no_cluster_ever_vanishes_without_having_retired(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    core = before["core.yaml"]
    first = parse(before)
    second = parse({**after, "core.yaml": core[: core.index(b"---")] if b"---" in core else core}, first.documents)
    assert first.fleet is not None
    assert second.fleet is not None
    for name, cluster in first.fleet.clusters.items():
        assert name in second.fleet.clusters or cluster.state.value == "retired"


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_load_or_are_a_fault(text: bytes) -> None:
    try:
        found = load_documents(text, REGISTRY_LIMITS, dialect=Dialect.REGISTRY, lines=True)
    except YamlError as error:
        found, faults = [], error.faults
    else:
        faults = ()
    assert all(1 <= fault.line <= text.count(b"\n") + text.count(b"\r") + 1 for fault in faults)
    for document in found:
        json.dumps(document.value, allow_nan=False)
        assert (
            load_documents(document.text.encode(), REGISTRY_LIMITS, dialect=Dialect.REGISTRY)[0].value == document.value
        )


# Zl and Zp are line breaks of YAML, where a key must not hold one: JSON with them is no YAML.
printable = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]), max_size=10)
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=200)
@given(trees.filter(lambda tree: tree is not None), st.sampled_from(["\t", "  ", None]))
def test_json_loads_to_itself(tree: Any, indent: str | None) -> None:
    text = json.dumps(tree, ensure_ascii=False, indent=indent)
    assert [document.value for document in load_documents(text.encode(), REGISTRY_LIMITS)] == [tree]
