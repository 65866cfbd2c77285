"""``flotilla health``: objects from files and from standard input."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from common.domain.errors import PermanentError
from console.cli.main import app

OBJECTS = """\
apiVersion: v1
kind: List
items:
  - {apiVersion: example.com/v1, kind: Box, metadata: {name: a, namespace: n}, status: {state: open}}
  - {apiVersion: example.com/v1, kind: Box, metadata: {name: b, namespace: n}, status: {state: broken}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
"""
RULES = """\
- kind: Box
  group: example.com
  healthy: self.status.state == 'open'
  failed: self.status.state == 'broken'
"""


def flotilla(*words: object, given: str = "") -> Result:
    return CliRunner().invoke(app, ["health", *map(str, words)], input=given)


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    (tmp_path / "objects.yaml").write_text(OBJECTS)
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "objects.yaml"


def test_objects_are_told_in_their_order_and_lists_are_opened(objects: Path) -> None:
    seen = flotilla(objects, "-o", "json")
    assert seen.exit_code == 1
    found = orjson.loads(seen.output)
    assert [(one["kind"], one["name"], one["status"], one["message"]) for one in found] == [
        ("Box", "a", "healthy", "no rule: it exists; what its state open means is not known"),
        ("Box", "b", "degraded", "a guess, by its state: broken"),
        ("ConfigMap", "c", "healthy", ""),
    ]


def test_rules_of_the_fleet_under_trial_decide_in_lua_too(objects: Path) -> None:
    rule = (
        "apiVersion: flotilla.dev/v1\nkind: HealthRule\nmetadata: {name: box}\nspec:\n  group: '*.com'\n  kind: Box\n"
        "  lua: |\n    if obj.status.state == 'open' then return {status = 'Healthy'} end\n"
        "    return {status = 'Suspended', message = obj.status.state}\n"
    )
    (objects.parent / "health.yaml").write_text(rule)
    seen = flotilla(objects, "--rules", objects.parent / "health.yaml", "-o", "json")
    assert seen.exit_code == 0
    assert [(one["status"], one["message"]) for one in orjson.loads(seen.output)] == [
        ("healthy", ""),
        ("suspended", "broken"),
        ("healthy", ""),
    ]


def test_rules_of_several_files_and_of_a_folder_are_taken(objects: Path) -> None:
    folder = objects.parent / "rules"
    (folder / "inner").mkdir(parents=True)
    head = "apiVersion: flotilla.dev/v1\nkind: HealthRule\nmetadata: {{name: {0}}}\n"
    form = f"{head}spec: {{{{kind: {{1}}, {{2}}failed: 'true'}}}}\n"
    (folder / "inner" / "box.yaml").write_text(form.format("box", "Box", "group: example.com, "))
    (folder / "other.yaml").write_text("kind: Fleet\n")
    (folder / "notes.txt").write_text("HealthRule: [")
    (objects.parent / "map.yaml").write_text(form.format("map", "ConfigMap", ""))
    both = flotilla(objects, "--rules", folder, "--rules", objects.parent / "map.yaml", "-o", "json")
    assert [one["status"] for one in orjson.loads(both.output)] == ["degraded", "degraded", "degraded"]


def test_rules_under_trial_decide(objects: Path) -> None:
    seen = flotilla(objects, "--rules", objects.parent / "rules.yaml", "-o", "json")
    assert seen.exit_code == 1
    assert [one["status"] for one in orjson.loads(seen.output)] == ["healthy", "degraded", "healthy"]
    application = "kind: Application\nspec:\n  health:\n" + "".join(f"    {line}\n" for line in RULES.splitlines())
    (objects.parent / "application.yaml").write_text(application)
    whole = flotilla(objects, "--rules", objects.parent / "application.yaml", "-o", "json")
    assert whole.output == seen.output


def test_standard_input_is_read(objects: Path) -> None:
    assert flotilla("-", "-o", "json", given=OBJECTS).output == flotilla(objects, "-o", "json").output


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("- {kind: Box, healthy: 'self.a =='}", "column 10: Syntax error"),
        ("- {kind: Box}", "without an expression"),
        ("- {kind: Box, healty: 'true'}", "rule 0.healty"),
        ("", "not one document"),
        ("a: [", "did not find expected node content"),
    ],
)
def test_rules_that_cannot_be_used_say_why(objects: Path, rules: str, why: str) -> None:
    (objects.parent / "rules.yaml").write_text(rules)
    seen = flotilla(objects, "--rules", objects.parent / "rules.yaml")
    assert isinstance(seen.exception, PermanentError)
    assert why in str(seen.exception)


@pytest.mark.parametrize("content", ["kind: List\napiVersion: v1\nitems: 5\n", "[1, 2]", "just words", "a: ["])
def test_what_holds_no_objects_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.yaml").write_text(content)
    assert isinstance(flotilla(tmp_path / "x.yaml").exception, PermanentError)
    assert isinstance(flotilla(tmp_path / "absent.yaml").exception, PermanentError)


CLAIM = """\
{apiVersion: v1, kind: PersistentVolumeClaim, spec: {storageClassName: c}, status: {phase: Pending}}
"""
CLASS = """\
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: c}, volumeBindingMode: WaitForFirstConsumer}
"""


def test_storage_classes_beside_a_claim_say_whether_it_should_be_bound() -> None:
    alone, beside = flotilla("-", "-o", "json", given=CLAIM), flotilla("-", "-o", "json", given=f"{CLAIM}---\n{CLASS}")
    assert [orjson.loads(seen.output)[0]["status"] for seen in (alone, beside)] == ["progressing", "healthy"]
