"""How a branch came to where it is: the commits that are new since it was looked at last, and those that were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from common.domain.commits import LONGEST_AUTHOR, LONGEST_SUBJECT, Commit, Passage, commit_of
from common.domain.refs import is_commit
from common.sources.git import Answer

MOST_NEW = 500
"""Commits of one look: of a push of more the newest are kept."""
FIRST = 50
"""Commits of a first look, so that what came just before it is known too."""
MOST_LOST = 500
_MOST_PRESENT = 5_000
_FORMAT = f"--format=%H%x00%ct%x00%<({LONGEST_AUTHOR},trunc)%an%x00%<({LONGEST_SUBJECT},trunc)%s"
_FIELDS = 4
_LOG = ("log", "-z", _FORMAT, "--encoding=UTF-8", "--no-color", "--no-show-signature", "--no-notes")

Ask = Callable[[Sequence[str]], Answer]
"""Runs git in a mirror."""


def passage(ask: Ask, commit: str, since: str | None) -> Passage:
    """Return how a source came to ``commit``; what git cannot tell is left out, the commit itself never is.

    Args:
        ask: runs git in the mirror, which holds ``commit``.
        commit: full id.
        since: what it was before; None at a first look.
    """
    if since is not None and ask(["cat-file", "-e", f"{since}^{{commit}}"]).status == 0:
        new = _told(ask, commit, [f"--max-count={MOST_NEW}", "--end-of-options", commit, f"^{since}"])
        return Passage(new, _lost(ask, commit, since))
    # What is told of a first look may be running somewhere: along first parents each contains all before it. It is also
    # quick: the whole of a long history is not put in order for it.
    first = _told(ask, commit, ["--first-parent", f"--max-count={FIRST}", "--end-of-options", commit])
    if since is None:
        return Passage(first)
    told = ask(["rev-list", f"--max-count={_MOST_PRESENT}", "--end-of-options", commit])
    return Passage(first, present=frozenset(_ids(told)))


def _told(ask: Ask, commit: str, which: Sequence[str]) -> tuple[Commit, ...]:
    """Return commits, the oldest first; ``commit`` is the last, whether or not it is among those."""
    told = ask([*_LOG, *which])
    commits = [one for one in _commits(told) if one.id != commit][::-1]
    own = next(_commits(ask([*_LOG, "-1", "--end-of-options", commit])), Commit(commit))
    return (*commits, own)


def _lost(ask: Ask, commit: str, since: str) -> tuple[str, ...]:
    if ask(["merge-base", "--is-ancestor", since, commit]).status == 0:
        return ()
    return tuple(_ids(ask(["rev-list", f"--max-count={MOST_LOST}", "--end-of-options", since, f"^{commit}"])))


def _ids(told: Answer) -> list[str]:
    return list(filter(is_commit, told.stdout.decode(errors="replace").split())) if told.status == 0 else []


def _commits(told: Answer) -> Iterator[Commit]:
    fields = told.stdout.decode(errors="replace").split("\0") if told.status == 0 else []
    for at in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        id_, seconds, author, subject = fields[at : at + _FIELDS]
        if is_commit(id_):
            yield commit_of(id_, seconds=seconds, author=author, subject=subject)
