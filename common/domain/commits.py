"""What a source says of a commit that it was resolved to, or passed on its way there: when, by whom, in which words.

Words of strangers: they are cut, on one line, and without what looks like a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from common.domain.redact import cut, redacted

_SECONDS = re.compile(r"[0-9]{1,11}")
"""Until the year 5138: what is longer is no time of a commit's."""
LONGEST_AUTHOR, LONGEST_SUBJECT, LONGEST_VERSION = 200, 300, 253
"""Characters that are kept."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, or an artifact.

    Attributes:
        id: 40 or 64 hex digits; of an artifact the sha256 that names it.
        version: by which people call it: the tag of a commit or an artifact, the version of a chart; empty for none.
        at: when it was committed; None where that is not known.
        author: name of who wrote it; empty where that is not known.
        subject: first line of its message; empty alike.
    """

    id: str
    version: str = ""
    at: datetime | None = None
    author: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """How a source came from what it was resolved to before to what it is now.

    Attributes:
        commits: that came, the oldest first; what it is now is the last. Of very many the newest alone.
        lost: ids of commits that what it is now does not contain any more: history was rewritten, or a tag moved.
        present: where nobody can say what was lost, all that it contains; None where ``lost`` says it.
    """

    commits: tuple[Commit, ...]
    lost: tuple[str, ...] = ()
    present: frozenset[str] | None = None

    @classmethod
    def unread(cls, commit: str) -> Passage:
        """Return what is known where nobody could say how a source came to ``commit``."""
        return cls((Commit(commit),))

    def called(self, version: str) -> Passage:
        """Return it with the version by which people call what the source is now."""
        return replace(self, commits=(*self.commits[:-1], replace(self.commits[-1], version=version)))


def commit_of(id_: str, *, seconds: str, author: str, subject: str) -> Commit:
    """Return a commit as Git describes it.

    Args:
        id_: its id.
        seconds: since 1970, in decimal digits; anything else gives no time.
        author: as it is.
        subject: as it is.
    """
    at = datetime.fromtimestamp(int(seconds), UTC) if _SECONDS.fullmatch(seconds) else None
    return Commit(id_, "", at, _clean(author, LONGEST_AUTHOR), _clean(subject, LONGEST_SUBJECT))


def _clean(words: str, longest: int) -> str:
    line = redacted(" ".join(cut(words, longest).split()))
    return "".join(c for c in line if c.isprintable())[:longest]
