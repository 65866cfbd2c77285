"""Names of what is imported: all different, all names, and the same in whatever order the objects come."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from common.domain.refs import DNS_LABEL
from common.yaml import MANIFEST_LIMITS, dump, load_documents
from console.importing import from_flux
from console.importing.naming import apart
from console.importing.words import name_of
from tests.harness.yaml_texts import TEXTS

PARTS = st.sampled_from(["a", "b", "a-b", "a.b", "A", "ks", "hr", "a-ks", "", "é", "a" * 62, "a" * 63, "a" * 64 + "b"])
KEYS = st.tuples(st.sampled_from(["ks", "hr"]), PARTS, PARTS)

RIVALS = (("ks", "", "a-hr"), ("hr", "", "a"), ("ks", "", "a"))


def ways(key: tuple[str, ...]) -> tuple[str, ...]:
    kind, namespace, name = key
    return name_of(name), name_of(name, ending=kind), name_of(namespace, name), name_of(namespace, name, ending=kind)


@given(st.lists(KEYS, unique=True, max_size=12).flatmap(lambda keys: st.tuples(st.just(keys), st.permutations(keys))))
@example(
    ([("ks", "", "a-hr"), ("hr", "", "a"), ("ks", "", "a")], [("ks", "", "a"), ("hr", "", "a"), ("ks", "", "a-hr")])
)
def test_names_are_apart_whatever_the_order(both: tuple[list[tuple[str, ...]], list[tuple[str, ...]]]) -> None:
    one, two = (apart({key: ways(key) for key in keys}) for keys in both)
    assert one == two
    assert len(set(one.values())) == len(one)
    assert all(DNS_LABEL.fullmatch(name) for name in one.values())


@given(TEXTS, TEXTS)
def test_values_of_a_release_keep_their_types(key: str, text: str) -> None:
    head = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository", "metadata": {"name": "c"}}
    source = {"kind": "HelmRepository", "name": "c"}
    chart = {"spec": {"chart": "c", "version": "1.0.0", "sourceRef": source}}
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "r"},
        "spec": {"chart": chart, "values": {"at": {key: [text, 1, True]}}},
    }
    files = {"a.yaml": dump({**head, "spec": {"url": "https://charts.example.com"}}), "b.yaml": dump(release)}
    found = from_flux({name: text.encode() for name, text in files.items()}, cluster="eu")
    (document,) = found.documents.values()
    (again,) = load_documents(dump(document).encode(), MANIFEST_LIMITS)
    assert again.value["spec"]["values"] == {"at": {key: [text, 1, True]}}
