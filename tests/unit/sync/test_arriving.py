"""Which manifests bring a kind to a cluster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.definitions import NEVER, definition
from workers.sync.objects.segments import is_group, is_kind, is_label, is_name
from workers.sync.plan.arriving import Definition, definition_of


def test_an_honest_definition_brings_its_served_versions() -> None:
    assert definition_of(definition()) == Definition("tenant.example.com", "Gadget", ("v1",), namespaced=True)
    of_cluster = definition_of(definition(scope="Cluster", annotations={"flotilla.dev/apply": "if-absent"}))
    assert of_cluster is not None
    assert not of_cluster.namespaced
    hidden = definition_of(definition(served=False))
    assert hidden is not None
    assert hidden.versions == ()


@pytest.mark.parametrize(
    "manifest",
    [
        definition(annotations=NEVER),
        definition(annotations={"flotilla.dev/apply": "odd"}),
        definition(annotations={"helm.sh/hook": "pre-install"}),
        definition(annotations={"flotilla.dev/hook": "odd"}),
        definition(name="widgets.tenant.example.com"),
        definition(plural="../gadgets"),
        definition(plural="Gadgets"),
        definition(group="tenant..example"),
        definition(group="apps"),
        definition(group=""),
        definition(version="v1/x"),
        definition(kind="Ga/dget"),
        definition(scope="Neither"),
        {**definition(), "apiVersion": "v1"},
        {**definition(), "kind": "Definition"},
        {**definition(), "spec": []},
        {**definition(), "metadata": {"name": 1}},
        {},
        [],
        "text",
        None,
    ],
)
def test_no_other_manifest_brings_any(manifest: object) -> None:
    assert definition_of(manifest) is None


def test_a_chart_that_installs_its_definitions_first_brings_their_kinds() -> None:
    assert definition_of(definition(annotations={"helm.sh/hook": "crd-install"})) is not None


@given(st.text(max_size=300))
def test_whatever_passes_leaves_a_path_as_it_is(text: str) -> None:
    for fits in (is_group, is_label, is_kind, is_name):
        if fits(text):
            assert not set(text) & set("/%\\?\t\r\n ") - set("\\?")
            assert text not in {".", ".."}
    if is_group(text) or is_label(text):
        assert not set(text) & set("/%\\?#&=:@")


def test_long_texts_are_refused_at_once() -> None:
    assert not is_label("a" * 64)
    assert not is_group(".".join(["a" * 60] * 5))
    assert not is_group("a." * 200_000)
    assert not is_name("a" * 254)
