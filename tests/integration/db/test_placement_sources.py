"""What sources were resolved to is read as it was written, whatever their names hold: no separator is any."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from common.domain.placements import PlacementState
from common.domain.refs import ChartRef, GitRef, OciRef, PlacementRef, Range, SourceRef
from common.domain.revisions import RendererVersion, Revision, SourceRevision, each_once
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome, Trigger
from common.domain.status import NONE
from common.sources.kinds.s3.values import S3Ref
from common.store.engine.session import Database
from common.store.queue import attempts, runs
from common.store.queue.attempts import AttemptEnding
from common.store.reads import placements as views
from common.store.reads import runs as run_views
from common.store.reads.placements import PlacementFilter
from common.store.schema.tables import EventRow, PlacementRow, PlacementSourceRow
from common.store.state import outcomes, placement_sources, placements
from common.store.state.placements import PlacementChange
from tests.integration.db.rows import LEASE, NOW, add_placements

ODD = st.text("ab+,:;\"'\\{}[]%$ é/.", min_size=1, max_size=12)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
REPOS = st.builds("https://git.example.com/{}".format, ODD)
RENDERERS = st.builds(RendererVersion, st.sampled_from(["helm", "plain", "command"]), ODD.map(str.strip))
REFS: st.SearchStrategy[SourceRef] = st.one_of(
    st.builds(GitRef, REPOS, ODD, st.one_of(ODD.map("refs/heads/{}".format), st.builds(Range, ODD)), st.booleans()),
    st.builds(OciRef, REPOS, ODD, st.one_of(ODD, st.builds(Range, ODD), HEX.map("sha256:{}".format))),
    st.builds(ChartRef, REPOS, ODD, st.just("web"), ODD),
    st.builds(S3Ref, REPOS, ODD, ODD),
)
SOURCES = st.lists(
    st.builds(SourceRevision, REFS, HEX, st.lists(RENDERERS, max_size=3).map(each_once)),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.source,
).map(tuple)
_NUMBERS = count()


def _change(
    ref: PlacementRef, desired: Revision | None, state: PlacementState = PlacementState.PLACED
) -> PlacementChange:
    return PlacementChange(ref, "m", state, None, desired, NONE, None, renewed=True, applied_unknown=False, project="")


def _plan(database: Database, ref: PlacementRef, desired: Revision | None) -> None:
    with database.write() as connection:
        placements.carry_out(connection, [_change(ref, desired)], now=NOW)


def _ran(database: Database, placement_id: int, ref: PlacementRef, wanted: Revision) -> runs.ClaimedRun:
    """Return a run for a revision, which is claimed and has brought it in."""
    new = runs.NewRun(placement_id, ref, Trigger.REVISION, "me", NONE, "default", wanted, None, 1, project="")
    with database.write() as connection:
        run = runs.create(connection, new, now=NOW)
        assert run is not None
        found = runs.claim(connection, run, worker="w", lease=LEASE, now=NOW)
        assert found is not None
        outcomes.record_checked(connection, placement_id, outcomes.Checked(wanted, NONE, None), now=NOW)
        assert attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=SOURCES, second=SOURCES, digests=st.tuples(HEX, HEX))
def test_what_was_planned_and_what_was_run_are_read_as_they_were_written(
    database: Database,
    first: tuple[SourceRevision, ...],
    second: tuple[SourceRevision, ...],
    digests: tuple[str, str],
) -> None:
    ref = PlacementRef("eu", f"a{next(_NUMBERS)}")
    for sources in (first, second):
        wanted = Revision(*digests, sources)
        _plan(database, ref, wanted)
        with database.read() as connection:
            known = placements.get(connection, ref)
            assert known is not None
            assert known.desired == placements.everything(connection)[ref].desired == wanted
            assert placement_sources.desired(connection, known.id) == wanted
        run = _ran(database, known.id, ref, wanted)
        assert run.revision == wanted
        _plan(database, ref, None)
        with database.read() as connection:
            assert placement_sources.desired(connection, known.id) is None
            detail, view = run_views.run(connection, ALL, run.attempt.run), views.placement(connection, ALL, ref)
            told = connection.execute(select(EventRow.params).where(EventRow.run_id == run.attempt.run)).scalar_one()
        assert detail is not None
        assert view is not None
        assert detail.run.commit == view.commit == told["commit"] == "+".join(one.commit for one in sources)
        assert view.desired_commit == ""
        assert detail.run.sources == view.sources
        assert [(one.repo, one.ref, one.revision) for one in view.sources] == [
            (one.source.repo, one.source.text, one.commit) for one in sources if one.source is not None
        ]
        assert [one.renderers for one in view.sources] == [tuple(map(str, one.renderers)) for one in sources]


def test_a_source_fewer_leaves_no_row_and_the_same_ones_are_not_written_again(database: Database) -> None:
    ref, two = (
        PlacementRef("eu", "web"),
        tuple(SourceRevision(GitRef(repo, "", "refs/heads/main"), "c") for repo in "ab"),
    )
    for sources in (two, two[1:], two):
        _plan(database, ref, Revision("s", "p", sources))
        with database.read() as connection:
            known = placements.get(connection, ref)
            rows = (
                connection.execute(select(PlacementSourceRow.repo).order_by(PlacementSourceRow.position))
                .scalars()
                .all()
            )
        assert known is not None
        assert known.desired is not None
        assert known.desired.sources == sources
        assert rows == [one.source.repo for one in sources if one.source is not None]
    written: list[str] = []
    with database.write() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: written.append(given[2]))
        placements.carry_out(connection, [_change(ref, Revision("s", "p", two))], now=NOW)
    assert not [one for one in written if one.startswith(("INSERT", "DELETE"))]


def test_what_is_no_list_of_sources_is_read_as_none(database: Database) -> None:
    """A pool's worker writes what its runs have brought in."""
    with database.write() as connection:
        add_placements(connection, "eu/web", "eu/api")
    for stored, found in ((5, []), ({"commit": "c"}, []), ([1, {"commit": ["x"]}], ["['x']"])):
        with database.write() as connection:
            connection.execute(update(PlacementRow).values(applied_sources=stored))
        with database.read() as connection:
            page = views.placements(connection, ALL, PlacementFilter())
        assert [[one.revision for one in view.sources] for view in page.items] == [found, found]
