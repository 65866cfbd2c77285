"""How a branch or tag came to where it is, as real repositories tell it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

import pytest

from common.domain.refs import GitRef, Range
from common.sources import history
from common.sources.mirrors import Mirrors
from tests.fakes.git_server import Origin


def _committed(origin: Origin, subject: str, **env: str) -> str:
    given = {"GIT_AUTHOR_NAME": "Ada Example", "GIT_COMMITTER_DATE": "2026-11-28T10:00:00+0100", **env}
    subprocess.run(
        ["git", "-C", str(origin.folder), "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-"],
        input=subject.encode("utf-8", "surrogateescape"),
        env={**os.environ, **given},
        check=True,
    )
    return origin.git("rev-parse", "HEAD")


def test_a_commit_has_its_time_author_and_subject(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    first = origin.commit({"a": "1"})
    head = _committed(origin, "Raise the limits\n\nOf everything.\n")
    mirrors.fetch(main)
    passage = mirrors.history(main, head, None)
    last = passage.commits[-1]
    assert [one.id for one in passage.commits] == [first, head]
    assert (last.author, last.subject) == ("Ada Example", "Raise the limits")
    assert last.at == datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
    assert passage.lost == ()


def test_only_what_is_new_comes_in_order(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    before = origin.commit({"a": "1"})
    new = [_committed(origin, f"number {n}") for n in range(5)]
    mirrors.fetch(main)
    assert [one.id for one in mirrors.history(main, new[-1], before).commits] == new


def test_merged_commits_come_too(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    before = origin.commit({"a": "1"})
    origin.git("checkout", "-q", "-b", "side")
    side = _committed(origin, "aside")
    origin.git("checkout", "-q", "main")
    straight = _committed(origin, "straight on")
    origin.git("merge", "-q", "--no-ff", "-m", "join", "side")
    head = origin.git("rev-parse", "HEAD")
    mirrors.fetch(main)
    found = [one.id for one in mirrors.history(main, head, before).commits]
    assert set(found) == {side, straight, head}
    assert found[-1] == head


def test_history_that_was_rewritten_is_lost(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    base = origin.commit({"a": "1"})
    gone = [_committed(origin, "one"), _committed(origin, "two")]
    mirrors.fetch(main)
    origin.git("reset", "-q", "--hard", base)
    head = _committed(origin, "another")
    mirrors.fetch(main)
    passage = mirrors.history(main, head, gone[-1])
    assert set(passage.lost or ()) == set(gone)
    assert [one.id for one in passage.commits] == [head]


def test_a_branch_that_was_set_back_is_where_it_was(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    base = origin.commit({"a": "1"})
    gone = _committed(origin, "one")
    mirrors.fetch(main)
    origin.git("reset", "-q", "--hard", base)
    mirrors.fetch(main)
    passage = mirrors.history(main, base, gone)
    assert [one.id for one in passage.commits] == [base]
    assert passage.commits[0].author
    assert passage.lost == (gone,)


def test_what_the_mirror_does_not_hold_any_more_leads_nowhere(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    head = origin.commit({"a": "1"})
    mirrors.fetch(main)
    passage = mirrors.history(main, head, "f" * 40)
    assert passage.present == frozenset({head}), "all that it holds, where nobody can say what was lost"
    assert [one.id for one in passage.commits] == [head]


def test_a_first_look_tells_what_follows_each_other_alone(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    """What runs somewhere may be any of it: of a merge, what was beside it is not in it."""
    base = origin.commit({"a": "1"})
    running = _committed(origin, "what runs")
    origin.git("checkout", "-q", "-b", "local", base)
    _committed(origin, "made beside it")
    origin.git("merge", "-q", "--no-ff", "-m", "join", running)
    head = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "-q", "-B", "main", head)
    mirrors.fetch(main)
    assert running not in [one.id for one in mirrors.history(main, head, None).commits]


def test_of_a_long_history_the_newest_come(
    mirrors: Mirrors, origin: Origin, main: GitRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "FIRST", 3)
    origin.commit({"a": "1"})
    new = [_committed(origin, f"number {n}") for n in range(5)]
    mirrors.fetch(main)
    assert [one.id for one in mirrors.history(main, new[-1], None).commits] == new[-3:]


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("\x1b[31mred\x1b[0m and\ttab", "[31mred[0m and tab"),
        ("use password=hunter2hunter2 now", "use password=[redacted] now"),
        ("x" * 5_000, None),
        ("a\x1fb", "a b"),
        ("caf\udce9", "café"),
        ("", ""),
    ],
)
def test_words_of_strangers_are_made_harmless(
    mirrors: Mirrors, origin: Origin, main: GitRef, subject: str, told: str | None
) -> None:
    origin.commit({"a": "1"})
    origin.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    head = origin.git("rev-parse", "HEAD") if not subject else _committed(origin, subject)
    mirrors.fetch(main)
    found = mirrors.history(main, head, None).commits[-1].subject
    assert len(found) <= 300
    if told is not None:
        assert found == told


@pytest.mark.parametrize("seconds", ["99999999999999", "18446744073709551615", "-1"])
def test_a_time_beyond_every_calendar_is_none(mirrors: Mirrors, origin: Origin, main: GitRef, seconds: str) -> None:
    origin.commit({"a": "1"})
    tree = origin.git("rev-parse", "HEAD^{tree}")
    text = f"tree {tree}\nauthor A <a@x> {seconds} +0000\ncommitter A <a@x> {seconds} +0000\n\nlate\n"
    made = subprocess.run(
        ["git", "-C", str(origin.folder), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    head = made.stdout.decode().strip()
    origin.git("update-ref", "refs/heads/main", head)
    mirrors.fetch(main)
    last = mirrors.history(main, head, None).commits[-1]
    assert (last.at, last.subject) == (None, "late")


def test_a_tag_and_a_range_say_what_people_call_it(mirrors: Mirrors, origin: Origin, main: GitRef) -> None:
    origin.commit({"a": "1"})
    origin.git("tag", "v1.2.0")
    assert mirrors.fetch(main).version == ""
    assert mirrors.fetch(GitRef(main.repo, main.credentials, "refs/tags/v1.2.0")).version == "v1.2.0"
    assert mirrors.fetch(GitRef(main.repo, main.credentials, Range(">=1"))).version == "v1.2.0"
