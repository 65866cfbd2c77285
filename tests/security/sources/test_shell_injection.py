"""CVE-2021-41254 and kin: URLs, refs and repositories that would make git run something."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from common.domain.refs import GitRef
from common.sources.faults import RefRefusedError, UrlRefusedError
from common.sources.git import GitRunner
from common.sources.mirrors import Mirrors
from common.sources.urls import PlainHttp, checked_ref, checked_url
from tests.fakes.git_server import GitServer

MAIN = "refs/heads/main"
URLS = [
    "--upload-pack=touch {marker}",
    "-u touch {marker}",
    "-oProxyCommand=touch {marker}",
    "ext::sh -c touch% {marker}",
    "ext::sh",
    "fd::17",
    "file://{folder}",
    "{folder}",
    "./relative",
    "../relative",
    "host:path",
    "git://git.example.com/a",
    "ftp://git.example.com/a",
    "http://git.example.com/a",
    "HTTP://git.example.com/a",
    "ssh://-oProxyCommand=touch {marker}/a",
    "ssh://-oProxyCommand=touch%20{marker}/a",
    "ssh://-host/a",
    "ssh://user@-oProxyCommand=x/a",
    "-oProxyCommand=x@host:a",
    "git@-oProxyCommand=touch:a",
    "git@host:-a",
    "git@host:a;touch {marker}",
    "git@host:$(touch {marker})",
    "git@host:`touch {marker}`",
    "ssh://git@host/a;touch {marker}",
    "ssh://git@host/$(touch%20{marker};`x`)",
    "ssh://git@host/a'touch {marker}'",
    "https://git.example.com/a b",
    "https://git.example.com/a\nb",
    "https://git.example.com/%2e%2e/a",
    "https://git.example.com/../a",
    "https://git.example.com/",
    "https://",
    "https:///a",
    "https://git.example.com:notaport/a",
    "https://ho st/a",
    "https://host$(x)/a",
    "",
    "\0",
    "a" * 5000,
]
REFS = [
    "--upload-pack=touch {marker}",
    "-x",
    "refs/heads/-x",
    "refs/heads/x/-y",
    "refs/heads/a b",
    "refs/heads/a:refs/heads/b",
    "+refs/heads/a",
    "refs/heads/a^{{commit}}",
    "refs/heads/$(touch {marker})" + "\n",
    "refs/heads/../../x",
    "refs/tags/../heads/x",
    ":/text",
    "@",
    "HEAD",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_git_could_take_for_anything_else_is_refused(
    mirrors: Mirrors, marker: Path, tmp_path: Path, url: str
) -> None:
    text = url.replace("{marker}", str(marker)).replace("{folder}", str(tmp_path))
    with pytest.raises(UrlRefusedError):
        mirrors.fetch(GitRef(text, "", MAIN))
    with pytest.raises(UrlRefusedError):
        checked_url(text)
    assert not (tmp_path / "mirrors").exists(), "refused before anything was done"


@pytest.mark.parametrize("ref", REFS)
def test_a_ref_that_git_could_take_for_anything_else_is_refused(
    mirrors: Mirrors, marker: Path, git_http_server: GitServer, ref: str
) -> None:
    text = ref.format(marker=marker)
    source = GitRef(git_http_server.url("app"), "", text)
    with pytest.raises(RefRefusedError):
        mirrors.fetch(source)
    with pytest.raises(RefRefusedError):
        mirrors.resolve(source)
    assert not git_http_server.requests


def test_a_branch_with_metacharacters_is_only_a_name(
    mirrors: Mirrors, marker: Path, git_http_server: GitServer
) -> None:
    origin = git_http_server.origin("app")
    commit = origin.commit({"a.yaml": "a: 1\n"})
    branch = f"x;$(touch>{marker.name})`id`'\"&|"
    origin.git("branch", branch)
    ref = checked_ref(f"refs/heads/{branch}")
    assert mirrors.fetch(GitRef(git_http_server.url("app"), "", ref)).commit == commit


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls-remote", "--end-of-options", "ext::sh -c touch% {marker}"],
        ["ls-remote", "--end-of-options", "file://{folder}"],
        ["ls-remote", "--end-of-options", "{folder}"],
        ["ls-remote", "--end-of-options", "--upload-pack=touch {marker}", "{folder}"],
        ["fetch", "--end-of-options", "--upload-pack=touch {marker}", "main"],
    ],
)
def test_git_itself_would_refuse_what_the_check_let_through(
    marker: Path, git_http_server: GitServer, arguments: list[str]
) -> None:
    origin = git_http_server.origin("app")
    origin.commit({"a.yaml": "a: 1\n"})
    filled = [part.format(marker=marker, folder=origin.folder) for part in arguments]
    runner = GitRunner(PlainHttp.LOOPBACK)
    assert runner.run(origin.folder, filled, timeout=timedelta(seconds=10)).status != 0


def _hostile(git_http_server: GitServer, marker: Path) -> str:
    """Fill a repository with everything that has ever made git run something; return its commit."""
    script = f"#!/bin/sh\ntouch {marker}\n"
    origin = git_http_server.origin("app")
    return origin.commit(
        {
            ".gitattributes": "* filter=evil diff=evil merge=evil\n",
            ".gitconfig": f"[core]\n\tfsmonitor = touch {marker}\n\tsshCommand = touch {marker}\n",
            ".gitmodules": '[submodule "a"]\n\tpath = a\n\turl = https://example.com/a\n\tupdate = none\n',
            "hooks/post-checkout": script,
            "config": f"[core]\n\tfsmonitor = touch {marker}\n",
            "a.yaml": "a: 1\n",
        }
    )


def test_nothing_that_a_repository_brings_along_is_run(
    mirrors: Mirrors, marker: Path, git_http_server: GitServer
) -> None:
    commit = _hostile(git_http_server, marker)
    source = GitRef(git_http_server.url("app"), "", MAIN)
    assert mirrors.fetch(source).commit == commit
    tree = mirrors.tree(source, commit)
    assert tree.read_many(entry.path for entry in tree.list("."))["a.yaml"] == b"a: 1\n"


def test_hooks_and_monitors_planted_in_a_mirror_are_not_run(
    mirrors: Mirrors, marker: Path, git_http_server: GitServer, tmp_path: Path
) -> None:
    origin = git_http_server.origin("app")
    origin.commit({"a.yaml": "a: 1\n"})
    source = GitRef(git_http_server.url("app"), "", MAIN)
    mirrors.fetch(source)
    (repo,) = (tmp_path / "mirrors").glob("*/repo.git")
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    (repo / "hooks").mkdir(exist_ok=True)
    for hook in ("reference-transaction", "post-checkout", "pre-auto-gc", "fsmonitor-watchman", "post-merge"):
        (repo / "hooks" / hook).symlink_to(script)
    for key in ("core.fsmonitor", "core.hooksPath"):
        value = str(repo / "hooks") if key == "core.hooksPath" else str(script)
        subprocess.run(["git", "-C", str(repo), "config", key, value], check=True)
    second = origin.commit({"a.yaml": "a: 2\n"})
    assert mirrors.fetch(source).commit == second
    assert mirrors.tree(source, second).read("a.yaml") == b"a: 2\n"


def test_the_users_own_git_settings_and_environment_do_not_count(
    mirrors: Mirrors,
    marker: Path,
    git_http_server: GitServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    script.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[credential]\n\thelper = "!{script}"\n[core]\n\taskPass = {script}\n'
        f'[url "file://{tmp_path}/"]\n\tinsteadOf = http://\n[http]\n\tproxy = http://127.0.0.1:1\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    for name in ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, str(script))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.hooksPath'='{tmp_path}'")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    git_http_server.user = ("git", "pw")
    origin = git_http_server.origin("app")
    commit = origin.commit({"a.yaml": "a: 1\n"})
    with pytest.raises(Exception, match="refused the credentials"):
        mirrors.fetch(GitRef(git_http_server.url("app"), "", MAIN))
    git_http_server.user = None
    assert mirrors.fetch(GitRef(git_http_server.url("app"), "", MAIN)).commit == commit
    assert not (tmp_path / "trace").exists()


def test_git_inherits_nothing_but_the_way_to_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOTILLA_CANARY", "canary-value")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexec env\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    answer = GitRunner().run(tmp_path, ["anything"], timeout=timedelta(seconds=10))
    seen = {line.partition("=")[0] for line in answer.stdout.decode().splitlines()}
    assert "GIT_TERMINAL_PROMPT" in seen
    assert not {name for name in seen if "CANARY" in name or name in {"GIT_SSL_NO_VERIFY", "USER", "SSH_AUTH_SOCK"}}
    assert b"HOME=/nonexistent" in answer.stdout
