"""Applications with several sources, as the registry has them."""

from __future__ import annotations

import pytest

from common.domain.fleet import Application
from common.domain.fleet.sources import MOST_SOURCES
from tests.harness.texts import application, in_order, lines, parsed, placed, project, registry
from tests.unit.registry.test_sources import GIT

CHART = "{name: chart, helm: {repo: 'https://charts.example.com/pay', chart: web, version: 1.x}}"
CONFIG = "{name: config, repo: 'https://git.example.com/config.git', ref: {branch: main}}"
HELM = "  render: {helm: {valuesFiles: [own.yaml, '$config/prod.yaml', '$config/prod.yaml', '$config/b/c.yaml']}}\n"


def text_of(*sources: str, more: str = HELM, target: str = "select: {all: true}") -> str:
    text = application(target=target, more=more)
    return text.replace(f"source: {GIT}", f"sources: [{', '.join(sources)}]")


def read(text: str) -> Application:
    fleet = in_order(registry(app=text)).fleet
    assert fleet is not None
    return fleet.applications["pay"]


def faults(text: str) -> list[str]:
    result = parsed(registry(app=text))
    assert placed(result) == {}
    return [fault.what for fault in result.faults]


def test_one_source_lends_files_to_the_other() -> None:
    found = read(text_of(CHART, CONFIG))
    assert [source.name for source in found.sources] == ["chart", "config"]
    assert found.lends("config") == ("prod.yaml", "b/c.yaml")
    assert found.lends("chart") == ()


def test_a_pin_holds_the_first_and_is_one_that_it_has() -> None:
    pinned = "select: {all: true}, pin: {tag: 1.2.0}"
    fleet = in_order(registry(app=text_of(CHART, CONFIG, target=pinned))).fleet
    assert fleet is not None
    (wanted,) = {tuple(source.text for source in placement.to_resolve) for placement in fleet.placements()}
    assert wanted == ("chart:web:1.2.0", "refs/heads/main")
    wrong = text_of(CHART, CONFIG, target="select: {all: true}, pin: {branch: main}")
    assert faults(wrong) == ["a source of helm cannot be pinned by branch"]


def test_sources_of_one_place_are_resolved_once() -> None:
    again = CONFIG.replace("name: config", "name: extras, path: extras")
    fleet = in_order(registry(app=text_of(CHART, CONFIG, again))).fleet
    assert fleet is not None
    assert {len(placement.to_resolve) for placement in fleet.placements()} == {2}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (text_of(CHART, CONFIG.replace("name: config", "name: confit")), "$config is no source of the application"),
        (application(target="select: {all: true}", more=HELM), "$config is no source of the application"),
        (text_of(CONFIG), "every source lends files, and none is left to be rendered"),
        (text_of(CHART, CHART, CONFIG), "two sources are called chart"),
        (text_of(), "sources"),
        (text_of(*(CONFIG.replace("config,", f"c{n},") for n in range(MOST_SOURCES + 1)), more=""), "sources"),
        (text_of(CONFIG.replace("name: config, ", ""), more=""), "name"),
    ],
)
def test_what_cannot_be_rendered_together_is_a_fault(text: str, what: str) -> None:
    assert any(what in found for found in faults(text)), faults(text)


def test_the_nearest_source_is_suggested() -> None:
    result = parsed(registry(app=text_of(CHART, CONFIG.replace("name: config", "name: confit"))))
    assert "confit" in result.faults[0].remedy


def test_every_source_is_one_that_the_project_allows() -> None:
    allowed = project(more="  credentials: []\n").replace("['**']", "['https://charts.example.com/**']")
    text = text_of(CHART, CONFIG).replace("spec:\n", "spec:\n  project: team\n", 1)
    result = parsed(registry(teams_team_app=text, project=allowed))
    assert [line.partition(": ")[2] for line in lines(result.faults)] == [
        "project team may not use https://git.example.com/config.git"
    ]
