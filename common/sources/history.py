"""How a branch came to where it is: the commits that are new since it was looked at last, and those that were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from common.domain.commits import LONGEST_AUTHOR, LONGEST_SUBJECT, Commit, Passage, commit_of
from common.domain.refs import is_commit
from common.sources.git import Answer

MOST_NEW = 200
"""Commits of one look: of a push of more the newest are kept."""
FIRST = 50
"""Commits of a first look, so that what came just before it is known too."""
MOST_LOST = 500
_FORMAT = f"%H%x00%ct%x00%<({LONGEST_AUTHOR},trunc)%an%x00%<({LONGEST_SUBJECT},trunc)%s"
_FIELDS = 4

Ask = Callable[[Sequence[str]], Answer]
"""Runs git in a mirror."""


def passage(ask: Ask, commit: str, since: str | None) -> Passage:
    """Return how a source came to ``commit``; what git cannot tell is left out, the commit itself never is.

    Args:
        ask: runs git in the mirror, which holds ``commit``.
        commit: full id.
        since: what it was before; None at a first look, and one that the mirror does not hold (any more) counts so.
    """
    gone = since is not None and ask(["cat-file", "-e", f"{since}^{{commit}}"]).status != 0
    if gone:
        since = None
    new = [] if since is None else [f"^{since}"]
    most = FIRST if since is None else MOST_NEW
    told = ask([
        "log", "-z", f"--format={_FORMAT}", "--topo-order", f"--max-count={most}", "--encoding=UTF-8", "--no-color",
        "--no-show-signature", "--no-notes", "--end-of-options", commit, *new,
    ])  # fmt: skip
    commits = [] if told.status != 0 else list(_commits(told.stdout))[::-1]
    if not commits or commits[-1].id != commit:
        commits = [one for one in commits if one.id != commit]
        commits += list(_commits(ask(["log", "-z", f"--format={_FORMAT}", "-1", "--end-of-options", commit]).stdout))
    found = tuple(commits) or (Commit(commit),)
    if gone:
        return Passage(found, None)
    return Passage(found, () if since is None else _lost(ask, commit, since))


def _lost(ask: Ask, commit: str, since: str) -> tuple[str, ...]:
    if ask(["merge-base", "--is-ancestor", since, commit]).status == 0:
        return ()
    told = ask(["rev-list", f"--max-count={MOST_LOST}", "--end-of-options", since, f"^{commit}"])
    return tuple(filter(is_commit, told.stdout.decode(errors="replace").split())) if told.status == 0 else ()


def _commits(told: bytes) -> Iterator[Commit]:
    fields = told.decode(errors="replace").split("\0")
    for at in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        id_, seconds, author, subject = fields[at : at + _FIELDS]
        if is_commit(id_):
            yield commit_of(id_, seconds=seconds, author=author, subject=subject)
