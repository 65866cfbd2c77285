"""What ``common.sources.doors.Door`` promises, of every kind of source, with a real server of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import FlotillaError, TransientError
from common.domain.refs import SourceRef
from common.registry import application_alone
from common.sources.doors import Machine
from common.sources.kinds import source_kinds, source_ref
from common.sources.sources import Sources, sources_on
from common.sources.urls import PlainHttp
from tests.fakes.git_server import GitServer, git_server
from tests.fakes.web_server import WebServer, web_server
from tests.fixtures.oci import OciRegistry
from tests.fixtures.ports import free_port
from tests.fixtures.s3 import S3Server
from tests.harness.outlets import ChartInRegistry, ChartInRepository, InBucket, InGit, InRegistry, Outlet
from tests.harness.repository import Repository

pytestmark = pytest.mark.service("docker-registry")
CHART = "apiVersion: v2\nname: web\nversion: 0.0.0\n"
FIRST = {"Chart.yaml": CHART, "templates/a.yaml": "a: 1\n", "deep/b c.txt": "b\n"}
SECOND = FIRST | {"templates/a.yaml": "a: 2\n"}
DOCUMENT = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: web}}
spec:
{source}\
  namespace: web
  targets: [{{name: all, select: {{all: true}}}}]
"""
KINDS = {"git": "repo", "oci": "oci", "chart over HTTP": "helm", "chart in a registry": "helm", "s3": "s3"}


@dataclass(frozen=True)
class Followed:
    """One place of publication, and the machine that follows it.

    Attributes:
        others: makes another machine with the same credentials.
    """

    outlet: Outlet
    sources: Sources
    others: Callable[[], Sources]

    @property
    def ref(self) -> SourceRef:
        """What is resolved, as the registry's document of it says."""
        (source,) = application_alone(DOCUMENT.format(source=self.outlet.source).encode(), "a.yaml").sources
        return source.to_resolve

    def files(self, commit: str, sources: Sources | None = None) -> dict[str, str]:
        """Return the templates and the rest of what was ``commit``; a chart's head names another version each time."""
        tree = (sources or self.sources).tree(self.ref, commit)
        paths = [entry.path for entry in tree.list(".") if not entry.is_folder and entry.path != "Chart.yaml"]
        return {path: content.decode() for path, content in tree.read_many(paths).items()}


@dataclass
class Servers:
    """What keeps what is published."""

    registry: OciRegistry
    buckets: S3Server
    charts: WebServer = field(init=False)
    git: GitServer = field(init=False)


@pytest.fixture(params=KINDS)
def followed(
    request: pytest.FixtureRequest, tmp_path: Path, oci_registry: OciRegistry, s3_server: S3Server
) -> Iterator[Followed]:
    credentials = DirectoryProvider(tmp_path / "credentials")
    credentials.store("s3/us", s3_server.credential)
    credentials.store("charts/us", {"username": b"robot", "password": b"letmein"})
    made: list[Sources] = []

    def machine() -> Sources:
        made.append(sources_on(Machine(tmp_path / f"machine{len(made)}", credentials, PlainHttp.LOOPBACK)))
        return made[-1]

    servers = Servers(oci_registry, s3_server)
    with web_server() as servers.charts, git_server(tmp_path / "git") as servers.git:
        servers.charts.user = ("robot", "letmein")
        yield Followed(_outlet(request.param, servers), machine(), machine)
    for one in made:
        one.close()


def _outlet(kind: str, servers: Servers) -> Outlet:
    match kind:
        case "git":
            return InGit(Repository(servers.git.root / "web", f"http://127.0.0.1:{servers.git.port}/web/.git"))
        case "oci":
            return InRegistry(servers.registry)
        case "chart over HTTP":
            return ChartInRepository(servers.charts, "web", "charts/us")
        case "chart in a registry":
            return ChartInRegistry(servers.registry, "web")
        case _:
            return InBucket(servers.buckets.bucket(), "s3/us")


def _expected(files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if path != "Chart.yaml"}


def test_every_kind_is_tried() -> None:
    assert set(KINDS.values()) == {kind.key for kind in source_kinds()}


def test_what_is_resolved_is_stored_and_read_back(followed: Followed) -> None:
    ref = followed.ref
    assert source_ref(ref.repo, ref.credentials, ref.text) == ref


def test_the_same_is_the_same_commit_and_what_differs_another(followed: Followed) -> None:
    said = followed.outlet.publish(FIRST)
    first = followed.sources.fetch(followed.ref).commit
    assert first == said
    assert followed.sources.fetch(followed.ref).commit == first
    second = followed.outlet.publish(SECOND)
    assert followed.sources.fetch(followed.ref).commit == second != first


def test_a_tree_is_what_was_published_and_a_former_one_stays(followed: Followed) -> None:
    followed.outlet.publish(FIRST)
    first = followed.sources.fetch(followed.ref).commit
    followed.outlet.publish(SECOND)
    second = followed.sources.fetch(followed.ref).commit
    assert followed.files(second) == _expected(SECOND)
    assert followed.files(first) == _expected(FIRST)


def test_how_it_came_there_ends_with_what_it_is(followed: Followed) -> None:
    followed.outlet.publish(FIRST)
    first = followed.sources.fetch(followed.ref).commit
    assert followed.sources.history(followed.ref, first, None).commits[-1].id == first
    followed.outlet.publish(SECOND)
    second = followed.sources.fetch(followed.ref).commit
    passage = followed.sources.history(followed.ref, second, first)
    assert [one.id for one in passage.commits] == [second]
    assert passage.lost in {(), (first,)}
    assert followed.sources.history(followed.ref, second, "f" * 40).commits[-1].id == second


def test_two_machines_agree(followed: Followed) -> None:
    followed.outlet.publish(FIRST)
    commit = followed.sources.fetch(followed.ref).commit
    other = followed.others()
    assert followed.files(commit, other) == _expected(FIRST), "without having fetched it"
    assert other.fetch(followed.ref).commit == commit


@pytest.mark.parametrize("commit", ["0" * 40, "0" * 64, "HEAD", "--all", ""])
def test_what_never_was_is_a_fault(followed: Followed, commit: str) -> None:
    followed.outlet.publish(FIRST)
    followed.sources.fetch(followed.ref)
    with pytest.raises(FlotillaError) as caught:
        followed.sources.tree(followed.ref, commit)
    assert caught.value.remedy


def test_who_does_not_answer_is_asked_again_and_what_was_kept_stays(followed: Followed) -> None:
    followed.outlet.publish(FIRST)
    ref = followed.ref
    commit = followed.sources.fetch(ref).commit
    host = ref.repo.partition("://")[2].partition("/")[0]
    with pytest.raises(TransientError) as caught:
        followed.sources.fetch(replace(ref, repo=ref.repo.replace(host, f"127.0.0.1:{free_port()}")))
    assert caught.value.remedy
    assert followed.files(commit) == _expected(FIRST)


def test_what_no_key_has_signed_is_never_verified(followed: Followed) -> None:
    followed.outlet.publish(FIRST)
    commit = followed.sources.fetch(followed.ref).commit
    with pytest.raises(FlotillaError):
        followed.sources.verify(followed.ref, commit, ["release"])
