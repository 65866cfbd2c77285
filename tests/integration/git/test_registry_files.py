"""The registry's files as a scheduler reads them from a mirror, and a person from a checkout."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from common.domain.refs import GitRef
from common.settings import Settings
from common.sources.mirrors import Mirrors
from common.sources.registry import GitRepository, files_of_checkout
from tests.fakes.git_server import GitServer
from tests.fakes.web_server import Reply, web_server

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


def test_the_scheduler_reads_the_registrys_credentials_from_a_secret(
    git_http_server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git_http_server.origin("registry").commit(FILES)
    git_http_server.user = ("git", "s3cret-canary")
    (tmp_path / "token").write_text("of-the-pod")
    (tmp_path / "ca.crt").write_text("")
    settings = Settings(home=tmp_path, allow_loopback_http=True, credentials_secret_namespace="flotilla")
    source = GitRef(git_http_server.url("registry"), "git/fleet", "refs/heads/main")
    with web_server() as hub:
        monkeypatch.setattr("common.credentials.secrets._ACCOUNT", tmp_path)
        monkeypatch.setattr("common.credentials.secrets._SERVER", hub.url)
        kept = {"data": {"token": b64encode(b"s3cret-canary").decode()}}
        hub.replies["/api/v1/namespaces/flotilla/secrets/git.fleet"] = Reply(content=json.dumps(kept).encode())
        assert GitRepository.from_settings(settings).head(source) == commit
        assert [asked.authorization for asked in hub.asked] == ["Bearer of-the-pod"]
