"""HealthRule: rules of health for the whole fleet, whose fault refuses the commit."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.fleet import Fleet, HealthRule
from common.registry import FaultScope, ParsedRegistry, RulesError, health_rules, parse

FLEET = "apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: f}\n"
HEAD = "apiVersion: flotilla.dev/v1\nkind: HealthRule\n"
LUA = "  lua: |\n    if obj.status then return {status = 'Healthy'} end\n    return {status = 'Progressing'}\n"
BOX = f"{HEAD}metadata: {{name: box}}\nspec:\n  group: example.com\n  kind: Box\n{LUA}"
APPLICATION = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {name: shop}
spec:
  source: {repo: 'https://git.example.com/shop.git', path: ., ref: {branch: main}}
  namespace: shop
  targets: [{name: all, select: {all: true}}]
"""
OWN = "  health: [{kind: Box, group: example.com, healthy: 'true'}]\n"


def parsed(**files: str) -> ParsedRegistry:
    given = {"fleet.yaml": FLEET, **{f"{name}.yaml": text for name, text in files.items()}}
    return parse({name: text.encode() for name, text in given.items()})


def fleet(**files: str) -> Fleet:
    found = parsed(**files)
    assert found.faults == ()
    assert found.fleet is not None
    return found.fleet


def faults(**files: str) -> list[tuple[str, int, str, FaultScope]]:
    return [(one.file, one.line, one.what, one.scope) for one in parsed(**files).faults]


def test_it_stands_after_the_rules_of_each_application() -> None:
    rules = fleet(box=BOX, shop=APPLICATION + OWN).applications["shop"].health
    assert [(rule.kind, rule.group, bool(rule.lua), rule.of) for rule in rules] == [
        ("Box", "example.com", False, ""),
        ("Box", "example.com", True, "box"),
    ]


def test_one_in_cel_has_both_expressions() -> None:
    text = f"{HEAD}metadata: {{name: box}}\nspec: {{kind: Box, healthy: self.a == 1, failed: self.a == 2}}\n"
    (rule,) = fleet(box=text, shop=APPLICATION).applications["shop"].health
    assert rule == HealthRule("Box", "", "self.a == 1", "self.a == 2", of="box")


@pytest.mark.parametrize(
    ("spec", "line", "words"),
    [
        ("{kind: Box}", 4, "judges nothing"),
        ("{kind: Box, lua: 'return {', group: example.com}", 4, "not a script in Lua"),
        ('{kind: Box, lua: "\\e[Luac"}', 4, "not a script in Lua"),
        (f"{{kind: Box, lua: '{'x = 1 ' * 20_000}'}}", 4, "65536"),
        (f"{{kind: Box, lua: '{'ü' * 40_000}'}}", 4, "longer than"),
        ("{kind: Box, lua: ''}", 4, "at least 1"),
        ("{kind: Box, lua: 7}", 4, "string"),
        ("{kind: Box, lua: 'return nil', healthy: 'true'}", 4, "both in CEL and in Lua"),
        ("{kind: Box, healthy: 'self.'}", 4, "not a CEL expression"),
        ("{kind: Box, healthy: 'true', useOpenLibs: true}", 4, "useOpenLibs"),
        ("{kind: [Box], healthy: 'true'}", 4, "string"),
        ("{healthy: 'true'}", 4, "kind"),
    ],
)
def test_a_fault_in_one_refuses_the_commit(spec: str, line: int, words: str) -> None:
    found = faults(box=f"{HEAD}metadata: {{name: box}}\nspec: {spec}\n")
    assert [(file, at, scope) for file, at, _, scope in found] == [("box.yaml", line, FaultScope.REFUSES)]
    assert words in found[0][2]


def test_two_for_one_kind_are_a_fault_and_a_pattern_beside_a_kind_is_none() -> None:
    ((file, _, what, scope),) = faults(a=BOX, b=BOX.replace("name: box", "name: other"))
    assert (file, scope) == ("b.yaml", FaultScope.REFUSES)
    assert what == "a second HealthRule for Box of example.com, the first is in a.yaml:1"
    pattern = BOX.replace("name: box", "name: other").replace("example.com", "'*.com'")
    assert faults(a=BOX, b=pattern) == []


def test_two_of_one_name_are_a_fault() -> None:
    found = faults(a=BOX, b=BOX.replace("kind: Box", "kind: Case"))
    assert [what for _, _, what, _ in found] == ["HealthRule box is given twice, first in a.yaml:1"]


def test_a_team_cannot_write_one_in_its_folder() -> None:
    project = FLEET.replace("Fleet", "Project") + "spec: {paths: [teams/**], clusterKinds: {}}\n"
    files = {"fleet.yaml": FLEET, "project.yaml": project, "teams/rule.yaml": BOX}
    found = parse({name: text.encode() for name, text in files.items()})
    (fault,) = found.faults
    assert "in a folder of project f" in fault.what
    assert not found.refused


def test_one_that_leaves_counts_no_longer_and_one_that_cannot_be_read_refuses() -> None:
    files = {"fleet.yaml": FLEET, "shop.yaml": APPLICATION, "box.yaml": BOX}
    first = parse({name: text.encode() for name, text in files.items()})
    left = parse({"fleet.yaml": FLEET.encode(), "shop.yaml": APPLICATION.encode()}, first.documents)
    assert left.fleet is not None
    assert left.fleet.applications["shop"].health == ()
    broken = parse({**{name: text.encode() for name, text in files.items()}, "box.yaml": b"{"}, first.documents)
    assert broken.refused


def test_the_settings_of_an_application_change_with_a_script_and_not_by_this_version() -> None:
    cluster = (
        "apiVersion: flotilla.dev/v1\nkind: Cluster\nmetadata: {name: c}\n"
        "spec: {server: 'https://c.example.com', credentials: {secretRef: c}}\n"
    )

    def digest(**files: str) -> str:
        made = fleet(c=cluster, **files)
        (placement,) = made.placements()
        return placement.settings_digest(made.projects)

    plain = digest(shop=APPLICATION)
    with_rule = digest(shop=APPLICATION, box=BOX)
    assert len({plain, with_rule, digest(shop=APPLICATION, box=BOX.replace("Progressing", "Degraded"))}) == 3


@pytest.mark.parametrize("text", [BOX, f"{BOX}---\n{BOX.replace('Box', 'Case')}"])
def test_a_file_of_them_can_be_tried(text: str) -> None:
    assert [rule.kind for rule in health_rules(text.encode())] == ["Box", "Case"][: text.count("kind: HealthRule")]


@pytest.mark.parametrize(
    "text",
    [
        BOX.replace("Healthy", "Healthy'"),
        f"{BOX}---\nkind: Other\n",
        f"{HEAD}spec: []\n",
        f"{HEAD}metadata: {{name: box}}\nspec: {{kind: Box}}\n",
    ],
)
def test_a_file_of_odd_ones_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RulesError) as raised:
        health_rules(text.encode())
    assert str(raised.value)


def test_odd_documents_make_no_traceback() -> None:
    odd: list[Any] = ["[]", "7", "null", "{a: b}", "'x'"]
    for value in odd:
        assert faults(box=f"{HEAD}metadata: {{name: box}}\nspec: {value}\n")
        assert faults(box=f"{HEAD}metadata: {value}\nspec: {{kind: Box, lua: 'return nil'}}\n")
        assert faults(box=f"{HEAD}metadata: {{name: box}}\nspec: {{kind: Box, lua: {value}}}\n") or value in {"'x'"}
