"""In which fields an object differs: told one by one, with who holds them, without secrets, within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.differences import ChangedField, Diff
from common.domain.redact import MASK
from common.domain.secrecy import Secrets
from workers.sync.plan.diff import FIELD_LIMIT, TEXT_LIMIT, diff


def body(spec: Any, kind: str = "Deployment", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec, **more}


def held(spec: Any, *entries: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """Return an object of which managers hold fields: each by name, time and what is held of ``spec``."""
    managed = [{"manager": who, "time": when, "fieldsV1": {"f:spec": fields}} for who, when, fields in entries]
    return {**body(spec), "metadata": {"name": "a", "managedFields": managed}}


def test_differences_are_told_field_by_field() -> None:
    before = body({"a": 1, "gone": True, "list": [{"name": "x", "v": 1}], "args": [1, 2]})
    after = body({"a": 2, "new": None, "list": [{"name": "y", "v": 1}, {"name": "x", "v": 2}], "args": [1]})
    assert diff(before, after) == Diff(
        (
            ChangedField(".spec.a", "1", "2"),
            ChangedField(".spec.args[1]", "2", None),
            ChangedField(".spec.gone", "true", None),
            ChangedField(".spec.list[name=x].v", "1", "2"),
            ChangedField(".spec.list[name=y]", None, '{"name":"y","v":1}'),
            ChangedField(".spec.new", None, "null"),
        )
    )
    assert diff(before, after).text.splitlines() == [
        "~ .spec.a: 1 -> 2",
        "- .spec.args[1]: 2",
        "- .spec.gone: true",
        "~ .spec.list[name=x].v: 1 -> 2",
        '+ .spec.list[name=y]: {"name":"y","v":1}',
        "+ .spec.new: null",
    ]


def test_what_the_server_keeps_by_itself_is_no_difference() -> None:
    before = body(1, status={"a": 1})
    after = body(1, status={"a": 2})
    after["metadata"] = {"name": "a", "resourceVersion": "2", "generation": 3, "managedFields": []}
    assert not diff(before, after)


# -- owners ----------------------------------------------------------------------------------------------------


def owner(live: dict[str, Any], spec: Any) -> str:
    (field,) = diff(live, body(spec)).fields
    return field.owner


def test_a_field_has_the_manager_that_holds_it_and_the_last_to_write_before_us() -> None:
    live = held(
        {"replicas": 5},
        ("flotilla", "2026-11-30T12:00:00Z", {"f:replicas": {}}),
        ("kubectl-edit", "2026-11-30T10:00:00Z", {"f:replicas": {}}),
        ("autoscaler", "2026-11-30T11:00:00Z", {"f:replicas": {}}),
        ("other", "2026-11-30T11:30:00Z", {"f:paused": {}}),
    )
    assert owner(live, {"replicas": 3}) == "autoscaler"
    assert owner(held({"a": 1}, ("flotilla", "", {"f:a": {}})), {"a": 2}) == "flotilla"
    assert owner(held({"a": 1}, ("kubectl", "", {"f:b": {}})), {"a": 2}) == ""
    assert owner(held({"a": 1}), {"a": 2}) == ""


def test_elements_of_lists_are_found_by_their_keys_and_atomic_values_by_what_holds_them() -> None:
    ports: dict[str, Any] = {"f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:name": {}}}}
    live = held({"ports": [{"containerPort": 80, "protocol": "TCP", "name": "a"}]}, ("edit", "", ports))
    assert owner(live, {"ports": [{"containerPort": 80, "protocol": "TCP", "name": "a", "hostPort": 1}]}) == ""
    assert owner(live, {"ports": []}) == "edit"
    images: dict[str, Any] = {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}
    live = held({"containers": [{"name": "web", "image": "a"}]}, ("set", "", images))
    assert owner(live, {"containers": [{"name": "web", "image": "b"}]}) == "set"
    assert owner(held({"args": [1]}, ("edit", "", {"f:args": {}})), {"args": [2]}) == "edit"
    assert owner(held({"set": ["a", "b"]}, ("edit", "", {"f:set": {'v:"b"': {}}})), {"set": ["a"]}) == "edit"


@pytest.mark.parametrize(
    "managed",
    [
        "text",
        {},
        [1, None, "x", []],
        [{"manager": 1, "fieldsV1": {"f:spec": {}}}],
        [{"manager": "m", "fieldsV1": "x"}],
        [{"manager": "m", "fieldsV1": {"f:spec": 1}}],
        [{"manager": "m", "fieldsV1": {"f:spec": {"f:l": {"k:{": {}, "k:[1]": {}, "k:": {}}}}}],
        [{"manager": "m", "time": {"a": 1}, "fieldsV1": {}}],
    ],
    ids=range(8),
)
def test_managed_fields_that_are_garbage_have_no_owner(managed: Any) -> None:
    live = {**body({"l": [{"name": 1}]}), "metadata": {"name": "a", "managedFields": managed}}
    assert [(one.path, one.owner) for one in diff(live, body({"l": [{"name": 2}]})).fields] == [(".spec.l[0].name", "")]


def test_a_managers_name_is_one_short_line_without_secrets() -> None:
    live = held({"a": 1}, ("x\n\x1b[31m" + "canary-4711" + "y" * 500, "", {"f:a": {}}))
    (field,) = diff(live, body({"a": 2}), secrets=Secrets(["canary-4711"])).fields
    assert field.owner.isprintable()
    assert "canary-4711" not in field.owner
    assert len(field.owner) <= 140


# -- secrets ---------------------------------------------------------------------------------------------------


def test_a_changed_secret_says_that_it_changed_and_no_more() -> None:
    before = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"a": "b2xk", "gone": "eA=="}}
    after = {**before, "data": {"a": "bmV3"}, "stringData": {"plain": "canary"}}
    told = diff(before, after)
    assert told.fields == (
        ChangedField(".data.a", MASK, MASK, masked=True),
        ChangedField(".data.gone", MASK, None, masked=True),
        ChangedField(".stringData", None, MASK, masked=True),
    )
    longer = diff(before, {**after, "data": {"a": "bmV3" * 100}})
    assert longer.fields[0] == told.fields[0], "neither length nor hash"
    applied = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "canary"}}
    assert "canary" not in diff(body(1), body(1, metadata=applied)).text


def variable(value: str) -> dict[str, Any]:
    return {"name": "DB_PASSWORD", "value": value}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"password": "canary-a"}, {"password": "canary-b"}),
        ({"env": [variable("canary-a")]}, {"env": [variable("canary-b")]}),
        (
            {"env": [{"name": "A", "value": "x"}, {"name": "A", "value": "y"}]},
            {"env": [variable("canary-b"), {"name": "A", "value": "y"}]},
        ),
        ({"env": []}, {"env": [variable("canary-b")]}),
        ({"url": "https://me:canary-a@host/"}, {"url": "https://me:canary-b@host/"}),
        ({"a": "x"}, {"a": " ".join(["word"] * 38) + " token=canary-" + "b" * 300}),
        ({"args": ["--password", "canary-a"]}, {"args": ["--password", "canary-b"]}),
        ({"args": ["a"]}, {"args": ["b", "a", "--db-password", "canary-b", "c"]}),
        ({"args": ["--pin-token", 1]}, {"args": ["x", "--pin-token", "-canary"]}),
        ({"args": ["-u", "me:canary-a"]}, {"args": ["-u", "me:canary-b"]}),
        ({"args": ["-u", "me", "-p", "canary-a"]}, {"args": ["-u", "me", "-p", "canary-b"]}),
        ({"args": ["registry", "login", "me", "password", "canary-a"]}, {"args": []}),
        ({"args": ["a"]}, {"args": [["--token", "canary"], {"x": ["--token", "canary"]}]}),
        ({"password": {"value": "canary-a"}}, {"password": {"value": "canary-b"}}),
        ({"password": {"a": {"b": ["canary-a"]}}}, {"password": {"a": {"b": ["canary-b"]}}}),
        ({"passwords": ["canary-a"]}, {"passwords": ["canary-b", "canary-c"]}),
        ({}, {"x": {"passwords": ["canary-a", "canary-b"]}}),
        ({}, {"x": [{"value": "canary-a", "name": "DB_PASSWORD"}]}),
        ({}, {"x": {"items": [{"value": ["canary-a", "canary-b"], "key": "apiToken"}]}}),
    ],
    ids=[
        *("a field", "a variable", "a variable by position", "a whole element", "a URL", "at the cut"),
        *("after a flag", "after a flag that moved", "no text", "name and password", "a short flag", "a word"),
        *("lists in lists", "below a name", "far below a name", "a list of them", "a list of them as new"),
        *("a value before its name", "values beside a key"),
    ],
)
def test_values_that_look_like_secrets_are_masked_by_field_too(before: Any, after: Any) -> None:
    found = diff(body(before), body(after))
    assert "canary" not in repr(found)
    assert any(one.masked for one in found.fields)


def test_what_only_says_where_a_secret_is_is_told() -> None:
    before = {"secret": {"secretName": "a"}, "args": ["--password-file", "a"]}
    after = {"secret": {"secretName": "b"}, "args": ["--password-file", "b"]}
    assert diff(body(before), body(after)).text.splitlines() == [
        '~ .spec.args[1]: "a" -> "b"',
        '~ .spec.secret.secretName: "a" -> "b"',
    ]


def test_a_known_secret_is_in_no_part_of_a_field() -> None:
    secrets = Secrets(["canary-4711"])
    live = held({"canary-4711": 1, "a": "x"}, ("canary-4711", "", {"f:a": {}}))
    found = diff(live, body({"a": "see canary-4711"}), secrets=secrets)
    assert "canary-4711" not in repr(found)
    assert found.without(secrets) == found
    late = Diff((ChangedField(".canary-4711", "canary-4711", None, "canary-4711"),))
    assert "canary-4711" not in repr(late.without(secrets))
    assert late.without(secrets).fields[0].masked


# -- bounds ----------------------------------------------------------------------------------------------------


def test_long_values_and_long_lists_are_cut() -> None:
    found = diff(body({}), body({f"f{number:03}": "x" * 500 for number in range(FIELD_LIMIT + 5)}))
    assert found.text.endswith(f"… and {found.more} more")
    assert len(found.fields) + found.more == FIELD_LIMIT + 5
    assert max(map(len, found.text.splitlines())) < 250
    assert len(found.text) < TEXT_LIMIT + 100


def test_many_short_fields_are_cut_by_their_number() -> None:
    found = diff(body({}), body({f"f{number:04}": 1 for number in range(5_000)}))
    assert (len(found.fields), found.more) == (FIELD_LIMIT, 5_000 - FIELD_LIMIT)


def test_names_of_fields_are_on_one_line() -> None:
    (field,) = diff(body({}), body({"a\nb\x1b[2J": 1})).fields
    assert field.path.isprintable()
