"""The registry's repository, as the scheduler reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from common.credentials import provider_from
from common.domain.commits import Passage
from common.domain.refs import GitRef
from common.registry import IGNORE_FILE, wanted
from common.settings import Settings
from common.sources.faults import RefMissingError, RepositoryMissingError
from common.sources.git import GitRunner
from common.sources.mirrors import Mirrors, mirrors_from
from common.sources.objects import Objects
from common.sources.trees import Tree, TreeLimits

_LOCAL = timedelta(seconds=30)


class GitRepository:
    """Reads a registry out of a mirror.

    Args:
        mirrors: of this machine.
    """

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    @classmethod
    def from_settings(cls, settings: Settings) -> GitRepository:
        """Return a reader with this machine's mirrors and credentials."""
        return cls(mirrors_from(settings, provider_from(settings)))

    def head(self, source: GitRef) -> str:
        """Return the commit that the ref is at now, fetched; raises as ``Mirrors.fetch``."""
        return self._mirrors.fetch(source).commit

    def history(self, source: GitRef, commit: str, since: str | None) -> Passage:
        """Return how the ref came to ``commit`` from what it was before; raises as ``Mirrors.history``."""
        return self._mirrors.history(source, commit, since)

    def files(self, source: GitRef, commit: str, folder: str) -> Mapping[str, bytes]:
        """Return the registry files below ``folder`` by path from there; links are left out. Raises as ``head``."""
        return _files(self._mirrors.tree(source, commit), folder)


def files_of_checkout(folder: Path, revision: str) -> Mapping[str, bytes]:
    """Return the registry files that ``folder`` of a checked-out repository had at ``revision``, by path from there.

    Raises:
        RefMissingError: it is no commit of that repository.
        RepositoryMissingError: the folder is in no repository that git reads.
        PathMissingError: the folder was not there.
    """
    runner = GitRunner()
    git_dir, prefix = (_asked(runner, folder, question) for question in ("--absolute-git-dir", "--show-prefix"))
    question = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = _asked(runner, folder, *question, missing=revision)
    objects = Objects(runner, Path(git_dir), url=str(folder), damaged=lambda: None)
    try:
        (content,) = objects.contents([commit])
        root = content.partition(b" ")[2][: len(commit)].decode()
        return _files(Tree(str(folder), commit, root, objects, TreeLimits()), prefix.rstrip("/"))
    finally:
        objects.close()


def _asked(runner: GitRunner, folder: Path, *question: str, missing: str = "") -> str:
    answer = runner.run(folder, ["rev-parse", *question], timeout=_LOCAL)
    if answer.status == 0:
        return answer.stdout.decode(errors="replace").strip()
    if missing:
        message = f"{folder}: its repository has no commit {missing}"
        raise RefMissingError(message, remedy="Name a commit, branch or tag that `git log` shows there.")
    words = " ".join(answer.stderr.split())[:200]
    message = f"{folder} is in no Git repository that can be read ({words})"
    raise RepositoryMissingError(message, remedy="Name a folder of a checkout that is your own.")


def _files(tree: Tree, folder: str) -> Mapping[str, bytes]:
    prefix = f"{folder}/" if folder not in {"", "."} else ""
    paths = [entry.path for entry in tree.list(folder or ".") if not (entry.is_link or entry.is_folder)]
    below = {path.removeprefix(prefix): path for path in paths}
    ignore = tree.read(below[IGNORE_FILE]) if IGNORE_FILE in below else None
    names = wanted(below, ignore)
    contents = tree.read_many(below[name] for name in names)
    return {name: contents[below[name]] for name in names}
