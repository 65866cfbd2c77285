"""What sources were resolved to, stored joined by earlier versions, becomes one of each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from common.domain.refs import GitRef, PlacementRef
from common.domain.revisions import SourceRevision
from common.domain.rights import ALL
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.reads import placements as views
from common.store.reads import runs as run_views
from common.store.reads.runs import RunFilter
from common.store.state import placements, sources
from tests.factories import rendered_by
from tests.integration.db.rows import NOW, add_placements, run_id

BEFORE = "0037"
A, B, C = "a" * 40, "b" * 40, "c" * 40
CHART = GitRef("https://git.example.com/chart+1.git", "", "refs/heads/a,b")
CONFIG = GitRef("https://git.example.com/config.git", "team/config", "refs/heads/main")
SOURCES = {1: CHART, 2: CONFIG}
_SOURCE = (
    'INSERT INTO sources (id, repo, credentials, ref, pool, used, "commit", due_at, failures, error_code) '
    "VALUES (:id, :repo, :credentials, :ref, 'p', true, :commit, :now, 0, '')"
)
_DIGEST = (
    'INSERT INTO source_digests (source_id, application, "commit", digest, renderer, error_code, resolved_at) '
    "VALUES (:id, :application, :commit, :digest, :renderer, '', :now)"
)
_WANTED = (
    "UPDATE placements SET source_id = :source, desired_source_digest = :wanted, desired_parameters_digest = 'p', "
    "desired_commit = :desired, applied_source_digest = :was, applied_parameters_digest = 'p', "
    "applied_commit = :applied WHERE application = :application"
)
_RUN = (
    "INSERT INTO runs (id, placement_id, cluster, application, trigger, actor, priority, queue, snapshot_id, "
    'source_id, source_digest, parameters_digest, "commit", state, outcome, error_code, attempts, retries, '
    "interruptions, not_before, parked, created_at, ended_at) VALUES (:id, :placement, 'eu', :application, 'manual', "
    "'ann', 0, 'q', 1, :source, 's', 'p', :commit, 'ended', 'succeeded', '', 1, 0, 0, :now, false, :now, :now)"
)
PLACED: tuple[dict[str, Any], ...] = (
    # one source; two; one whose source was changed and not resolved since; two, of which one was resolved anew; none
    {"application": "one", "source": 1, "wanted": "d", "desired": A, "was": "d", "applied": A},
    {"application": "two", "source": 1, "wanted": "e", "desired": f"{A}+{B}", "was": "o", "applied": f"{C}+{B}"},
    {"application": "moved", "source": 2, "wanted": "o", "desired": C, "was": "o", "applied": C},
    {"application": "new", "source": 1, "wanted": "o", "desired": f"{A}+{C}", "was": "o", "applied": f"{A}+{C}"},
    {"application": "none", "source": None, "wanted": None, "desired": None, "was": None, "applied": None},
)
DIGESTS = (
    (1, "one", A, "d", "helm 4.2.3+7"),
    (1, "two", A, "d", "helm 4.2.3+7, plain 2"),
    (2, "two", B, "f", ""),
    (2, "moved", B, "f", "plain 2"),
    (1, "new", A, "d", "plain 2"),
    (2, "new", B, "f", "plain 2"),
)


def _fill(connection: Connection, now: object) -> None:
    for id_, ref in SOURCES.items():
        row = {"id": id_, "repo": ref.repo, "credentials": ref.credentials, "ref": ref.text, "commit": C, "now": now}
        connection.execute(text(_SOURCE), row)
    for id_, application, commit, digest, renderer in DIGESTS:
        row = {"id": id_, "application": application, "commit": commit, "digest": digest, "renderer": renderer}
        connection.execute(text(_DIGEST), row | {"now": now})
    for number, one in enumerate(PLACED, 1):
        connection.execute(text(_WANTED), one)
        run = {"id": run_id(number), "placement": number, "commit": one["applied"], "now": now}
        connection.execute(text(_RUN), run | {key: one[key] for key in ("application", "source")})


def _filled(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, *(f"eu/{one['application']}" for one in PLACED))
    upgrade.downgrade(database, BEFORE)
    now = NOW if database.dialect == "postgresql" else NOW.replace(tzinfo=None).isoformat(" ")
    with database.write() as connection:
        _fill(connection, now)


def test_each_source_is_found_and_what_cannot_be_told_stays_open(database: Database) -> None:
    _filled(database)
    upgrade.upgrade(database)
    with database.read() as connection:
        known = {ref.application: one.desired for ref, one in placements.everything(connection).items()}
        digests = {(id_, name): one.renderers for (id_, name), one in sources.digests(connection).items()}
    assert digests == {(id_, name): rendered_by(*filter(None, said.split(", "))) for id_, name, _, _, said in DIGESTS}
    found = {name: desired and desired.sources for name, desired in known.items()}
    helm, both = rendered_by("helm 4.2.3+7"), rendered_by("helm 4.2.3+7", "plain 2")
    assert found == {
        "one": (SourceRevision(CHART, A, helm),),
        "two": (SourceRevision(CHART, A, both), SourceRevision(CONFIG, B)),
        "moved": (SourceRevision(None, C),),
        "new": (SourceRevision(CHART, A, rendered_by("plain 2")), SourceRevision(None, C)),
        "none": None,
    }


def test_history_says_what_it_said(database: Database) -> None:
    _filled(database)
    upgrade.upgrade(database)
    with database.read() as connection:
        runs = {one.ref.partition("/")[2]: one for one in run_views.runs(connection, ALL, RunFilter()).items}
        seen = {
            one["application"]: views.placement(connection, ALL, PlacementRef("eu", one["application"]))
            for one in PLACED
        }
    for one in PLACED:
        run, view = runs[one["application"]], seen[one["application"]]
        assert view is not None
        assert (run.commit, view.commit, view.desired_commit) == (
            one["applied"] or "", one["applied"] or "", one["desired"] or "",
        )  # fmt: skip
    assert [(one.repo, one.ref) for one in runs["one"].sources] == [(CHART.repo, CHART.text)]
    assert [one.repo for one in runs["two"].sources] == ["", CONFIG.repo]


def test_it_goes_back_as_it_was(database: Database) -> None:
    _filled(database)
    upgrade.upgrade(database)
    upgrade.downgrade(database, BEFORE)
    asked = "SELECT application, desired_commit, applied_commit FROM placements ORDER BY id"
    with database.read() as connection:
        placed = connection.execute(text(asked)).all()
        ran = connection.execute(text('SELECT "commit" FROM runs ORDER BY id')).scalars().all()
        said = connection.execute(text("SELECT source_id, application, renderer FROM source_digests")).all()
    assert [tuple(row) for row in placed] == [(one["application"], one["desired"], one["applied"]) for one in PLACED]
    assert ran == [one["applied"] for one in PLACED]
    assert {tuple(row) for row in said} == {(id_, name, renderer) for id_, name, _, _, renderer in DIGESTS}
    upgrade.upgrade(database)
