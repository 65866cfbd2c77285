"""Links of the Fleet and of Projects: https alone, fixed fields, each value within its place, and a fault otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common.domain.fleet import DEFAULT_PROJECT, Link
from common.domain.fleet.links import FIELDS
from common.domain.refs import PlacementRef
from tests.factories import fleet as made
from tests.harness import texts

LOGS = {"name": "Logs", "url": "https://logs.example.com/?q=${cluster}/${namespace}/${application}&p=${project}"}


def of_project(links: list[Any]) -> dict[str, str]:
    return texts.registry(projects=texts.project(more=f"  links: {json.dumps(links)}\n"))


def faults(*links: Any) -> list[str]:
    found = texts.parsed(of_project(list(links))).faults
    assert all(one.file == "projects.yaml" and one.line > 1 for one in found)
    return [f"{one.what}; {one.remedy}" for one in found]


def link(url: str) -> dict[str, str]:
    return {"name": "Logs", "url": url}


def test_a_projects_links_are_as_written() -> None:
    found = texts.in_order(of_project([LOGS])).fleet
    assert found is not None
    assert found.projects["team"].links == (Link("Logs", LOGS["url"]),)


def test_the_fleets_links_are_as_written() -> None:
    files = texts.registry()
    files["fleet.yaml"] += f"  links: {json.dumps([LOGS])}\n"
    found = texts.in_order(files).fleet
    assert found is not None
    assert found.links == (Link("Logs", LOGS["url"]),)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://example.com",
        " https://example.com",
        "data:text/html,x",
        "http://logs.example.com",
        "//logs.example.com",
        "https:logs.example.com",
        "https://",
        "https:///path",
        "https://user:word@logs.example.com",
        "https://logs.example.com\\@elsewhere.example",
        "https://logs.example.com:99999/",
        "https://logs..example.com/",
        "https://${application}.example.com/",
        "https://${cluster}",
        "https://${cluster}./",
        "https://${cluster}/logs.example.com",
        "https://logs.example.com${cluster}/",
        "https://logs.example.com/?q=${token}",
        "https://logs.example.com/?q=${cluster",
        "https://logs.example.com/?q=${}",
        "https://logs.example.com/?q=${CLUSTER}",
        'https://logs.example.com/?q="><script>',
        "https://logs.example.com/a b",
        "https://logs.example.com/\n",
        "https://logs.example.com/%zz",
        "https://logs.example.com/\u202egpj",
        "https://l\u043egs.example.com/",
        "https://logs.example.com/" + "a" * 1000,
    ],
    ids=ascii,
)
def test_what_leads_anywhere_else_is_a_fault(url: str) -> None:
    (fault,) = faults(link(url))
    assert "spec.links[0].url" in fault
    assert "word" not in fault.replace("password", ""), "what may be a password is not told again"


@pytest.mark.parametrize(
    "url",
    [
        "https://logs.example.com",
        "https://logs.example.com:8443/d/app?var-a=${application}#${namespace}",
        "https://${cluster}.logs.example.com/${application}",
        "https://logs-${cluster}-eu.example.com/app/discover#/?_a=(query:'${application}',x:!t)",
    ],
)
def test_what_tools_are_reached_by_is_none(url: str) -> None:
    assert faults(link(url)) == []


@pytest.mark.parametrize("name", ["", " ", "a" * 41, "Logs\u202e", "Lo\ngs"], ids=ascii)
def test_a_name_that_cannot_be_read_is_a_fault(name: str) -> None:
    assert len(faults({**LOGS, "name": name})) == 1


def test_too_many_links_and_two_of_one_name_are_faults() -> None:
    assert faults(*({**LOGS, "name": f"Logs {number}"} for number in range(20))) == []
    assert "at most 20" in faults(*({**LOGS, "name": f"Logs {number}"} for number in range(21)))[0]
    assert "given twice" in faults(LOGS, LOGS)[0]


@pytest.mark.parametrize(
    "value", ["a/../b", "?x=1&p=other#", "javascript:alert(1)", '"><script>', "ä \u202e%2F", "${cluster}"]
)
def test_a_value_stays_within_its_place(value: str) -> None:
    filled = Link("Logs", LOGS["url"]).filled(dict.fromkeys(FIELDS, value))
    parts = urlsplit(filled.url)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "logs.example.com", "/", "")
    assert parse_qs(parts.query) == {"q": [f"{value}/{value}/{value}"], "p": [value]}


def test_a_project_replaces_a_link_of_the_fleet_and_tells_none_of_anothers_application() -> None:
    files = of_project([link("https://ours.example.com/${cluster}/${namespace}")])
    files["fleet.yaml"] += f"  links: {json.dumps([LOGS, {'name': 'Docs', 'url': 'https://docs.example.com'}])}\n"
    files["teams/team/pay.yaml"] = texts.application(more="  project: team\n")
    found = texts.parsed(files).fleet
    assert found is not None
    ref = PlacementRef("eu", "pay")
    namespace = found.applications["pay"].namespace
    assert found.links_of(ref, "team") == (
        Link("Logs", f"https://ours.example.com/eu/{namespace}"),
        Link("Docs", "https://docs.example.com"),
    )
    other = replace(found, projects={**found.projects, "former": replace(DEFAULT_PROJECT, name="former")})
    assert other.links_of(ref, "former") == (), "it has moved to another project since"
    assert found.links_of(PlacementRef("eu", "gone"), "team") == ()
    assert made([], []).links_of(ref, "default") == ()


def test_a_link_changes_nothing_on_a_cluster() -> None:
    files = of_project([])
    files["teams/team/pay.yaml"] = texts.application(more="  project: team\n")
    found = texts.in_order(files).fleet
    assert found is not None
    placement = found.placements()[0]
    link_ = Link("Logs", "https://logs.example.com")
    linked = {"team": replace(found.projects["team"], links=(link_,), badges=True)}
    assert placement.settings_digest(linked) == placement.settings_digest(found.projects)
    written = {"team": replace(found.projects["team"], create_namespaces=not found.projects["team"].create_namespaces)}
    assert placement.settings_digest(written) != placement.settings_digest(found.projects)
