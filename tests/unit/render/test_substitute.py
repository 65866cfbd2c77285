"""``${name}`` in rendered objects."""

from __future__ import annotations

import pytest

from tests.harness.substitution import VARIABLES, put
from workers.render.faults import UndefinedVariableError
from workers.render.manifests import Sourced
from workers.render.substitute import substitute


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${name}", "web"),
        ("a-${name}-${cluster.name}", "a-web-eu-1"),
        ("${image.tag}", "v1"),
        ("${cluster.labels.region}", "eu"),
        ("${cluster.labels.topology.kubernetes.io/zone}", "a"),
        ("${missing:=fallback}", "fallback"),
        ("x${missing:=fallback}y", "xfallbacky"),
        ("x${missing:=}y", "xy"),
        ("${missing:=}", ""),
        ("${name:=fallback}", "web"),
        ("${missing:-fallback}", "fallback"),
        ("${missing=fallback}", "fallback"),
        ("x${missing:-a=b:-c}", "xa=b:-c"),
        ("${empty:=fallback}", "fallback"),
        ("x${empty:-fallback}", "xfallback"),
        ("${empty}", ""),
        ("${missing:=${name}}", "web"),
        ("${missing:-${image.tag}-${missing:=x}}", "v1-x"),
        ("${name:=${missing}}", "web"),
        ("$${name}", "${name}"),
        ("$$${name}", "$${name}"),
        ("$${name", "${name"),
        ("$${a:=${name}}", "${a:=web}"),
        ("$$", "$$"),
        ("a $${name} b ${name}", "a ${name} b web"),
        ("$HOME $(VAR) {name} $", "$HOME $(VAR) {name} $"),
        ("${loop}", "${name}"),
    ],
)
def test_variables_are_replaced_once(text: str, expected: str) -> None:
    assert put(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${replicas}", 3),
        ("${ratio}", 0.5),
        ("${debug}", False),
        ("${cluster.vars.accountId}", "1234"),
        ("${missing:=5}", 5),
        ("${missing:-5}", 5),
        ("${missing:=${replicas}}", 3),
        ("${missing:=1${replicas}}", 13),
        ("${missing:=true}", True),
        ('${missing:="5"}', "5"),
        ("n${replicas}", "n3"),
        ("d${debug}", "dfalse"),
        ("v${missing:=1.10}", "v1.10"),
    ],
)
def test_a_text_that_is_one_variable_takes_the_values_type(text: str, expected: object) -> None:
    assert put(text) == expected
    assert type(put(text)) is type(expected)


def test_where_kubernetes_wants_texts_it_gets_texts() -> None:
    manifest = {
        "kind": "Deployment",
        "metadata": {"name": "x", "labels": {"a": "${replicas}"}, "annotations": {"a": "${debug}"}},
        "data": {"a": "${replicas}"},
        "spec": {
            "selector": {"matchLabels": {"a": "${replicas}"}},
            "env": [{"name": "A", "value": "${replicas}"}],
            "args": ["${replicas}", "${missing:=1.10}", "${missing:='0755'}"],
            "ports": ["${replicas}"],
            "value": "${replicas}",
        },
    }
    (done,) = substitute([Sourced(manifest, "f:1")], VARIABLES)
    assert done.manifest == {
        "kind": "Deployment",
        "metadata": {"name": "x", "labels": {"a": "3"}, "annotations": {"a": "false"}},
        "data": {"a": "3"},
        "spec": {
            "selector": {"matchLabels": {"a": "3"}},
            "env": [{"name": "A", "value": "3"}],
            "args": ["3", "1.10", "0755"],
            "ports": [3],
            "value": 3,
        },
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${missing}", r"\$\{missing\} has no value"),
        ("a ${cluster.nothing} b", r"\$\{cluster.nothing\} has no value"),
        ("${none}", "is null"),
        ("${image}", "a mapping or list"),
        ("${name:+x}", "not a form known here"),
        ("${name!}", "not a form known here"),
        ("${}", "not a form known here"),
        ("${name^^}", r"\$\{name\^\^\} is not a form known here: it changes the case"),
        ("${name:1:2}", "it takes a part"),
        ("${name//a/b}", "it replaces"),
        ("${name%.*}", "it cuts"),
        ("${#name}", "it cuts|not a form known here"),
        ("${name-x}", r"default is \$\{name:-default\}"),
        ("${name", "without its end"),
        ("${name:=a", "without its end"),
        ("${missing:=${name}", "without its end"),
        ("${missing:=" * 10 + "}" * 10, "nested deeper"),
        ("${missing:=" + "${name}" * 2_000 + "}", "a default of more than"),
    ],
)
def test_what_cannot_be_replaced_is_a_fault_with_its_place(text: str, words: str) -> None:
    with pytest.raises(UndefinedVariableError, match=words) as caught:
        put({"deep": [text]})
    assert "app/x.yaml:1: Deployment x: spec.field.deep.0" in str(caught.value)


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(UndefinedVariableError) as caught:
        put(["${one}", "${two}"])
    assert "${one}" in str(caught.value)
    assert "${two}" in str(caught.value)


@pytest.mark.parametrize("where", ["annotations", "labels"])
@pytest.mark.parametrize("group", ["flotilla.dev", "kustomize.toolkit.fluxcd.io"])
def test_an_object_can_be_left_alone(where: str, group: str) -> None:
    marks = {where: {f"{group}/substitute": "disabled"}}
    assert put("${missing}", None, **marks) == "${missing}"


def test_a_form_in_a_secret_is_not_shown() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "pa${ss^word}"}}
    with pytest.raises(UndefinedVariableError, match=r"\$\{\.\.\.\} is not a form") as caught:
        substitute([Sourced(secret, "f:1")], {})
    assert "word" not in str(caught.value)


def test_keys_and_the_given_objects_stay_as_they_are() -> None:
    manifest = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"${name}": "${name}"}}
    (done,) = substitute([Sourced(manifest, "f:1")], VARIABLES)
    assert done.manifest["data"] == {"${name}": "web"}
    assert manifest["data"] == {"${name}": "${name}"}
