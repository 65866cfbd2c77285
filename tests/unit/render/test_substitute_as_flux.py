"""Variables in manifests that were Flux's: unset is empty, and what comes out is read as YAML."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.fleet import Substitution, SubstitutionScope, Undefined
from tests.harness.substitution import put
from workers.render.faults import UndefinedVariableError
from workers.render.manifests import Sourced
from workers.render.substitute import substitute

EMPTY = Substitution(undefined=Undefined.EMPTY)
FLUX = Substitution(Undefined.EMPTY, SubstitutionScope.YAML)
TEXTS = {"N": "3", "ON": "true", "TAG": "1.10", "ID": '"0042"', "EMPTY": "", "BROKEN": "a\nb", "q": '"', "LIST": "[a]"}


def put_as_flux(value: Any) -> Any:
    manifest = {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"field": value}}
    (done,) = substitute([Sourced(manifest, "f:1")], TEXTS, FLUX)
    return done.manifest["spec"]["field"]


@pytest.mark.parametrize(("text", "expected"), [("${missing}", ""), ("a${missing}b", "ab"), ("${a.b}", "")])
def test_what_has_no_value_is_empty_where_the_registry_says_so(text: str, expected: str) -> None:
    assert put(text, EMPTY) == expected


@pytest.mark.parametrize("text", ["${missing-x}", "${missing/a/b}", "${name/a/b}", "${missing^^}", "${missing:+x}"])
def test_no_other_form_is_taken_for_empty(text: str) -> None:
    with pytest.raises(UndefinedVariableError, match="not a form known here"):
        put(text, EMPTY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${N}", 3),
        ("${N}00", 300),
        ("${ON}", True),
        ("v${TAG}", "v1.10"),
        ("${TAG}", 1.1),
        ("${ID}", "0042"),
        ("${q}${N}${q}", "3"),
        ("${q}${missing}${q}", ""),
        ("${missing}", None),
        ("${EMPTY}", None),
        ("a ${missing}", "a"),
        ("${missing:=5}", 5),
        ('${missing:="5"}', "5"),
        ("${BROKEN}", "ab"),
        ("a: ${N}", "a: 3"),
        ('"${N}"', '"3"'),
        ("${N}\n", "3\n"),
        ("${LIST}", "[a]"),
        ("$$", "$"),
        ("$$${N}", "$3"),
        ("$${N}", "${N}"),
        ("$(N)", "$(N)"),
    ],
)
def test_what_comes_out_is_read_again(text: str, expected: object) -> None:
    assert put_as_flux(text) == expected
    assert type(put_as_flux(text)) is type(expected)


def test_where_kubernetes_wants_texts_it_gets_texts() -> None:
    field = {"labels": {"a": "${N}", "b": "${ID}", "c": "${missing}"}, "args": ["${ON}", "${missing:=1.10}"]}
    assert put_as_flux(field) == {"labels": {"a": "3", "b": "0042", "c": ""}, "args": ["true", "1.10"]}


def test_keys_have_variables_too() -> None:
    assert put_as_flux({"a-${N}/x": "${N}"}) == {"a-3/x": 3}
    with pytest.raises(UndefinedVariableError, match="a key that is there already"):
        put_as_flux({"3": 1, "${N}": 2})


def test_a_value_called_cluster_is_the_applications_own() -> None:
    manifest = {"kind": "A", "metadata": {"name": "x"}, "spec": ["${cluster}", "${cluster.name}"]}
    values = {"cluster": {"name": "eu-1"}}
    (done,) = substitute([Sourced(manifest, "f")], values, FLUX, cluster="home")
    assert done.manifest["spec"] == ["home", "eu-1"]
    with pytest.raises(UndefinedVariableError, match="a mapping or list"):
        substitute([Sourced(manifest, "f")], values, EMPTY, cluster="home")
