"""The registry's files as a scheduler reads them from a mirror, and a person from a checkout."""

from __future__ import annotations

from common.domain.refs import GitRef
from common.sources.mirrors import Mirrors
from common.sources.registry import GitRepository, files_of_checkout
from tests.fakes.git_server import GitServer

HUGE = b"a: " + b"x" * (9 << 20)
FILES = {
    "fleet/.flotillaignore": b"*.json\n/docs/\n",
    "fleet/fleet.yaml": b"kind: Fleet\n",
    "fleet/teams/pay.yaml": b"kind: Application\n",
    "fleet/renovate.json": HUGE,
    "fleet/docs/mkdocs.yml": b"site_name: x\n",
    "fleet/.hidden/x.yaml": b"x: 1\n",
    "fleet/teams/.flotillaignore": b"pay.yaml\n",
    ".flotillaignore": b"*\n",
    "other.yaml": b"x: 1\n",
}
READ = {".flotillaignore", "fleet.yaml", "teams/pay.yaml"}


def test_what_the_ignore_file_at_its_root_leaves_out_is_not_even_read(
    mirrors: Mirrors, git_http_server: GitServer
) -> None:
    origin = git_http_server.origin("registry")
    commit = origin.commit(FILES)
    repository = GitRepository(mirrors)
    source = GitRef.read(git_http_server.url("registry"), "", "refs/heads/main")
    assert repository.head(source) == commit
    assert set(repository.files(source, commit, "fleet")) == READ
    assert set(files_of_checkout(origin.folder / "fleet", "HEAD")) == READ
    assert set(repository.files(source, commit, "")) == {".flotillaignore"}, "a folder has its own"
