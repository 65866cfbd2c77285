"""Answers of a hub: how far a commit is, which version runs where, why a placement is as it is, what two differ in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from common.domain.commits import Commit, Passage
from common.domain.errors import FlotillaError
from common.domain.refs import PlacementRef
from common.settings import Settings
from common.store.schema.tables import PlacementRow, SourceRow
from common.store.state import commits, placements
from console.api.app import create_app
from console.client.hub import Hub
from console.client.transports import of_app
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.integration.hub.test_flow import web

__all__ = ["web"]
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: [no mapping]\n"


def _api(hub: StepHub) -> Hub:
    settings = Settings(home=hub.settings.home)
    return of_app(create_app(settings, hub.database, token="t"), "t", "test")


def ask(hub: StepHub, path: str) -> Any:
    return _api(hub).get(path)


def pause(hub: StepHub, ref: str) -> None:
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        placements.pause(connection, PlacementRef.parse(ref), actor="ann", reason="a freeze", now=now)


def test_everybody_has_a_commit_that_went_everywhere(web: StepHub) -> None:
    head = web.git._id(APPS, 2)
    found = ask(web, f"commits/{head}")
    assert found["commit"]["id"] == head
    assert found["commit"]["author"] == "Ada Example"
    assert found["commit"]["subject"] == "Change number 2"
    assert found["spread"]["counts"] == {"has": 2, "unsynced": 0, "waits": 0, "failed": 0}
    assert found["spread"]["has"] == [{"application": "web", "count": 2, "refs": ["eu/web", "us/web"]}]
    assert [one["newest"]["id"] for one in found["sources"]] == [head]
    assert found["registry"] is None


def test_who_runs_a_later_commit_has_it_too_and_an_earlier_one_does_not(web: StepHub) -> None:
    pause(web, "us/web")
    new = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    old = ask(web, f"commits/{web.git._id(APPS, 2)}")
    assert old["spread"]["counts"] == {"has": 2, "unsynced": 0, "waits": 0, "failed": 0}
    assert old["sources"][0]["newest"]["id"] == new
    found = ask(web, f"commits/{new}")["spread"]
    assert found["counts"] == {"has": 1, "unsynced": 0, "waits": 1, "failed": 0}
    assert [(one["code"], one["refs"]) for one in found["waits"]] == [("placement.paused", ["us/web"])]


def test_an_application_that_reads_nothing_of_it_is_not_touched(web: StepHub) -> None:
    web.git.commit(APPS, {"other/a.yaml": config_map("other", v="1")})
    web.application("other")
    web.settle()
    new = web.git.commit(APPS, {"other/a.yaml": config_map("other", v="2")})
    web.settle()
    found = ask(web, f"commits/{new}")
    assert found["untouched"] == 1
    assert [one["application"] for one in found["spread"]["has"]] == ["other"]


def test_who_failed_says_why_once_for_all(web: StepHub) -> None:
    new = web.git.commit(APPS, {"web/a.yaml": BROKEN})
    web.settle()
    found = ask(web, f"commits/{new}")["spread"]
    assert found["counts"] == {"has": 0, "unsynced": 0, "waits": 0, "failed": 2}
    (failed,) = found["failed"]
    assert failed["refs"] == ["eu/web", "us/web"]
    assert failed["code"]
    assert failed["reason"]
    (problem,) = ask(web, "problems")["items"]
    assert (problem["count"], problem["refs"]) == (2, ["eu/web", "us/web"])
    assert problem["placement"]["ref"] == "eu/web"


def test_a_commit_of_the_registry_is_in_force_or_refused(web: StepHub) -> None:
    first = ask(web, f"commits/{web.git._id(REGISTRY.repo, 2)}")["registry"]
    assert (first["in_force"], first["faults"]) == (True, 0)
    assert first["spread"]["counts"] == {"has": 2, "unsynced": 0, "waits": 0, "failed": 0}
    refused = web.git.commit(REGISTRY.repo, {"fleet.yaml": "apiVersion: flotilla.dev/v1\nkind: Fleet\n"})
    web.settle(1)
    found = ask(web, f"commits/{refused}")["registry"]
    assert found["in_force"] is False
    assert found["faults"] > 0
    assert found["spread"] is None


@pytest.mark.parametrize("name", ["abcdef12", "v9", "a/b", "x" * 300, "sha256:" + "f" * 64, "a0'; --", "é"])
def test_an_unknown_commit_is_told_as_one(web: StepHub, name: str) -> None:
    with pytest.raises(FlotillaError) as caught:
        ask(web, f"commits/{name}")
    assert "is known of any source of the fleet" in caught.value.message
    assert caught.value.remedy


def test_a_short_name_that_several_have_lists_them(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    with pytest.raises(FlotillaError) as caught:
        ask(web, "commits/a0000000")
    assert "several commits are called a0000000" in caught.value.message
    assert "Change number" in caught.value.remedy
    with pytest.raises(FlotillaError) as caught:
        ask(web, "commits/a00")
    assert "6 characters" in caught.value.remedy


def test_a_tag_that_moved_says_what_it_meant(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = web.git.fetch
    monkeypatch.setattr(web.git, "fetch", lambda source: replace(fetch(source), version="v1"))
    pause(web, "us/web")
    before = web.git._id(APPS, 2)
    web.settle()
    now = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    gone = Passage((Commit(now, "", None, "Ada", "moved"),), (before,))
    monkeypatch.setattr(web.git, "history", lambda *_: gone)
    web.settle()
    found = ask(web, "commits/v1")
    assert found["commit"]["id"] == now
    assert [one["id"] for one in found["earlier"]] == [before]
    assert found["spread"]["counts"] == {"has": 1, "unsynced": 0, "waits": 1, "failed": 0}
    lost = ask(web, f"commits/{before}")
    assert lost["sources"][0]["lost_at"] is not None
    assert [one["refs"] for one in lost["spread"]["has"]] == [["us/web"]], "the one that runs it, and no other"


def test_versions_stand_together_the_newest_first(web: StepHub) -> None:
    pause(web, "us/web")
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    found = ask(web, "applications/web/versions")
    assert [(one["clusters"], one["wanted"]) for one in found] == [(["eu"], 2), (["us"], 0)]
    assert [one["sources"][0]["commit"]["subject"] for one in found] == ["Change number 3", "Change number 2"]
    with pytest.raises(FlotillaError) as caught:
        ask(web, "applications/wbe/versions")
    assert "'web'" in caught.value.remedy


def test_why_tells_failure_commit_and_what_to_do(web: StepHub) -> None:
    new = web.git.commit(APPS, {"web/a.yaml": BROKEN})
    web.settle()
    found = ask(web, "placements/eu/web/why")
    assert [one["commit"]["id"] for one in found["wanted"]] == [new]
    assert [one["commit"]["subject"] for one in found["applied"]] == ["Change number 2"]
    assert found["last_failure"]["outcome"] == "failed"
    assert [one["code"] for one in found["next_steps"]] == ["next.mend"]
    assert "`flotilla sync eu/web`" in found["next_steps"][0]["sentence"]
    assert found["events"][-1]["kind"] == "run.ended"
    run = ask(web, f"runs/{found['last_failure']['id']}")
    assert run["next_steps"] == found["next_steps"], "the last run's page says the same"
    first = ask(web, f"runs/{web.runs('eu/web')[-1].id}")
    assert [one["code"] for one in first["next_steps"]] == ["next.see-newer"]


def test_why_shows_the_fields_that_changed(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    found = ask(web, "placements/eu/web/why")
    (changed,) = found["changes"]
    assert '"1" -> "2"' in changed["diff"]
    assert found["last_change"]["id"] == web.runs("eu/web")[0].id
    assert [one["code"] for one in found["next_steps"]] == ["next.nothing"]


def test_two_placements_differ_in_values_with_file_and_line(web: StepHub) -> None:
    targets = (
        "[{name: eu, clusters: [eu], values: {replicas: 3, only: {here: 1}}}, "
        "{name: rest, select: {all: true}, values: {replicas: 2}}]"
    )
    web.application("web", targets=targets)
    web.settle()
    found = ask(web, "placements/eu/web/compare/us/web")
    values = {".".join(one["path"]): (one["first"], one["second"]) for one in found["values"]}
    assert values["replicas"][0]["value"] == 3
    assert values["replicas"][1]["value"] == 2
    assert values["replicas"][0]["where"].startswith("web.yaml:")
    assert values["only.here"][1] is None
    assert "cluster.name" not in values
    assert found["same_revision"] is True
    assert (found["only_first"], found["only_second"], found["both"]) == ([], [], 2)
    with pytest.raises(FlotillaError) as caught:
        ask(web, "placements/eu/web/compare/us/wbe")
    assert "us/web" in caught.value.remedy


def test_what_is_not_known_of_commits_breaks_no_answer(web: StepHub) -> None:
    with web.database.write() as connection:
        connection.execute(update(PlacementRow).values(applied_sources=None, applied_parameters_digest="d"))
        commits.note(connection, None, Passage((Commit("b" * 40),)), now=web.database.now(connection))
    assert ask(web, "placements/eu/web/why")["applied"] == []
    assert [one["sources"] for one in ask(web, "applications/web/versions")][-1] == []
    found = ask(web, f"commits/{web.git._id(APPS, 2)}")["spread"]
    assert found["counts"]["waits"] == 2, "nobody can say what they run"


def test_a_history_that_cannot_be_read_keeps_nothing_from_being_resolved(
    web: StepHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Passage:
        message = "no history"
        raise FlotillaError(message)

    monkeypatch.setattr(web.git, "history", broken)
    new = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    assert web.placement("eu/web").commit == new
    assert ask(web, f"commits/{new}")["commit"] == {"id": new, "version": "", "at": None, "author": "", "subject": ""}


def test_an_equal_look_writes_no_commits_again(web: StepHub) -> None:
    before = ask(web, f"commits/{web.git._id(APPS, 2)}")["sources"][0]["seen_at"]
    web.settle(2)
    assert ask(web, f"commits/{web.git._id(APPS, 2)}")["sources"][0]["seen_at"] == before


def test_a_commit_that_breaks_an_application_has_failed_there(web: StepHub) -> None:
    """Its files cannot be read, so that it never becomes a revision; what could be read last stays."""
    bad = web.git.commit(APPS, {"web/kustomization.yaml": "resources: [nope.yaml]\n"})
    web.settle()
    found = ask(web, f"commits/{bad}")
    assert found["untouched"] == 0
    assert found["spread"]["counts"] == {"has": 0, "unsynced": 0, "waits": 0, "failed": 2}
    assert [one["code"] for one in found["spread"]["failed"]] == ["source.unreadable"]


def test_a_tag_that_gives_the_same_files_is_what_runs(web: StepHub) -> None:
    """No run comes for it, and nobody waits for one."""
    new = web.git.commit(APPS, {"README": "other"})
    document = web.git.files[REGISTRY.repo]["web.yaml"]
    web.git.commit(REGISTRY.repo, {"web.yaml": document.replace("{branch: main}", "{tag: v1.9.0}")})
    web.settle()
    assert web.placement("eu/web").sync == "synced"
    found = ask(web, f"commits/{new}")
    assert found["spread"]["counts"] == {"has": 2, "unsynced": 0, "waits": 0, "failed": 0}
    assert [(one["clusters"], one["wanted"]) for one in ask(web, "applications/web/versions")] == [(["eu", "us"], 2)]


def test_who_runs_another_ref_that_contains_it_has_it(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    old = web.git._id(APPS, 2)
    history = web.git.history
    monkeypatch.setattr(
        web.git,
        "history",
        lambda source, commit, since: (
            Passage((Commit(commit),)) if "tags" in source.text else history(source, commit, since)
        ),
    )
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="9")})
    web.settle(1)
    document = web.git.files[REGISTRY.repo]["web.yaml"]
    web.git.commit(REGISTRY.repo, {"web.yaml": document.replace("{branch: main}", "{tag: v1.9.0}")})
    web.settle()
    assert ask(web, f"commits/{old}")["spread"]["counts"] == {"has": 2, "unsynced": 0, "waits": 0, "failed": 0}


def _beside(hub: StepHub, number: int, repo: str, ref: str, *told: Commit) -> None:
    """Add another source, with what it passed."""
    with hub.database.write() as connection:
        source = dict(connection.execute(select(*SourceRow.__table__.c).where(SourceRow.id == 1)).mappings().one())
        connection.execute(insert(SourceRow), [{**source, "id": number, "repo": repo, "ref": ref}])
        commits.note(connection, number, Passage(told), now=hub.database.now(connection))


def test_who_runs_what_one_source_lost_is_found_though_another_has_it(
    web: StepHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="8")})
    web.settle()
    pause(web, "us/web")
    new = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="9")})
    monkeypatch.setattr(web.git, "history", lambda *_: Passage((Commit(new),), (gone,)))
    web.settle()
    _beside(web, 50, APPS, "refs/heads/feature", Commit(gone))
    found = ask(web, f"commits/{gone}")["spread"]
    assert [one["refs"] for one in found["has"]] == [["us/web"]]
    assert found["counts"]["waits"] == 0


def test_an_id_wins_over_a_tag_of_that_name_and_most_sources_over_one(web: StepHub) -> None:
    head = web.git._id(APPS, 2)
    evil = "e" * 40
    _beside(web, 50, "https://evil.example.com/x", "refs/heads/main", Commit(evil, version=head, subject="evil"))
    _beside(web, 51, "https://evil.example.com/y", "refs/heads/main", Commit(head, author="CEO", subject="forged"))
    assert ask(web, f"commits/{head}")["commit"]["subject"] == "Change number 2"


def test_a_version_of_several_charts_is_asked_for_by_repository(web: StepHub) -> None:
    _beside(web, 50, "oci://a.example.com/x", "1", Commit("d" * 64, version="1.0.0"))
    _beside(web, 51, "oci://a.example.com/y", "2", Commit("e" * 64, version="1.0.0"))
    with pytest.raises(FlotillaError) as caught:
        ask(web, "commits/1.0.0")
    assert "oci://a.example.com/x" in caught.value.remedy
    assert ask(web, "commits/1.0.0?repo=oci://a.example.com/y")["commit"]["id"] == "e" * 64
    with pytest.raises(FlotillaError):
        ask(web, "commits/")


def test_a_commit_of_very_many_sources_is_found_in_all_of_them(web: StepHub) -> None:
    head = web.git._id(APPS, 2)
    for number in range(60):
        _beside(web, 100 + number, APPS, f"refs/tags/v{number}", Commit(head, version=f"v{number}"))
    found = ask(web, f"commits/{head}")
    assert found["spread"]["counts"]["has"] == 2
    assert (len(found["sources"]), found["more_sources"]) == (20, 41)
