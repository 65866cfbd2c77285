"""Charts from a real HTTP server: the index, what it names, sign-in, and what is kept."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from common.credentials import CredentialsRefusedError, DirectoryProvider
from common.domain.refs import SourceRef
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArchivePathError,
    ArtifactMissingError,
    ArtifactUnauthorisedError,
    ArtifactUnreachableError,
    DigestMismatchError,
    VersionMissingError,
    VersionRefusedError,
)
from common.sources.doors import Machine
from common.sources.faults import CertificateError
from common.sources.sources import Sources, sources_on
from tests.controlplane.certs import make_certificates
from tests.factories import stored_ref
from tests.fakes.archives import chart, packed
from tests.fakes.web_server import Reply, WebServer, web_server

NAME = "payments"


def published(web: WebServer, *versions: str, digests: bool = True, url: str = "charts/{file}") -> dict[str, str]:
    """Serve these versions of a chart below ``/helm`` and return their digests."""
    found, entries = {}, []
    for version in versions:
        archive, file = chart(NAME, version, web=f"kind: ConfigMap # {version}\n"), f"{NAME}-{version}.tgz"
        found[version] = hashlib.sha256(archive).hexdigest()
        web.replies[f"/helm/charts/{file}"] = Reply(content=archive)
        digest = {"digest": found[version]} if digests else {}
        entries.append({"name": NAME, "version": version, "urls": [url.format(file=file)], **digest})
    web.replies["/helm/index.yaml"] = Reply(content=orjson.dumps({"apiVersion": "v1", "entries": {NAME: entries}}))
    return found


def ref(web: WebServer, version: str, credentials: str = "") -> SourceRef:
    return stored_ref(f"{web.url}/helm", credentials, f"chart:{NAME}:{version}")


def count(web: WebServer, end: str) -> int:
    return sum(asked.target.endswith(end) for asked in web.asked)


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.2.0", "1.2.0"),
        ("1.x", "1.10.0"),
        ("*", "2.0.0+build.1"),
        ("2.0.0+build.1", "2.0.0+build.1"),
        (">=3.0.0-0", "3.0.0-rc.1"),
    ],
)
def test_a_version_or_the_highest_of_a_range_becomes_a_tree(
    sources: Sources, web: WebServer, wanted: str, version: str
) -> None:
    digests = published(web, "1.2.0", "1.10.0", "2.0.0", "2.0.0+build.1", "3.0.0-rc.1")
    source = ref(web, wanted)
    commit = sources.fetch(source).commit
    assert commit == digests[version]
    tree = sources.tree(source, commit)
    assert [entry.path for entry in tree.list(".")] == ["Chart.yaml", "templates/web.yaml", "values.yaml"]


def test_an_index_that_did_not_change_is_not_read_again_nor_a_chart_downloaded(
    sources: Sources, web: WebServer
) -> None:
    published(web, "1.0.0")
    content = web.replies["/helm/index.yaml"]
    assert isinstance(content, Reply)
    tagged = Reply(content=content.content, headers={"ETag": '"one"'})
    web.replies["/helm/index.yaml"] = lambda asked: (
        Reply(304) if asked.headers.get("If-None-Match") == '"one"' else tagged
    )
    first = sources.fetch(ref(web, "1.x")).commit
    web.replies["/helm/index.yaml"] = Reply(304)
    assert sources.fetch(ref(web, "1.x")).commit == first
    assert count(web, ".tgz") == 1


def test_a_new_version_is_followed_and_the_former_stays_readable(sources: Sources, web: WebServer) -> None:
    published(web, "1.0.0")
    first = sources.fetch(ref(web, "1.x")).commit
    published(web, "1.0.0", "1.1.0")
    second = sources.fetch(ref(web, "1.x")).commit
    assert first != second
    web.replies.clear()
    assert b"1.0.0" in sources.tree(ref(web, "1.x"), first).read("Chart.yaml")
    assert b"1.1.0" in sources.tree(ref(web, "1.x"), second).read("Chart.yaml")


def test_a_former_version_that_is_not_here_comes_by_its_digest(sources: Sources, web: WebServer) -> None:
    digests = published(web, "1.0.0", "1.1.0")
    assert b"1.0.0" in sources.tree(ref(web, "1.x"), digests["1.0.0"]).read("Chart.yaml")
    with pytest.raises(VersionMissingError, match="with sha256:0000"):
        sources.tree(ref(web, "1.x"), "0" * 64)


def test_an_index_without_digests_costs_a_download_at_each_look(sources: Sources, web: WebServer) -> None:
    digests = published(web, "1.0.0", digests=False)
    for _ in range(2):
        assert sources.fetch(ref(web, "1.0.0")).commit == digests["1.0.0"]
    assert count(web, ".tgz") == 2
    assert b"1.0.0" in sources.tree(ref(web, "1.0.0"), digests["1.0.0"]).read("Chart.yaml")


def test_a_repository_that_wants_a_password_gets_it_and_another_server_does_not(
    sources: Sources, web: WebServer, credentials: DirectoryProvider
) -> None:
    credentials.store("charts/pay", {"username": b"robot", "password": b"canary"})
    web.user = ("robot", "canary")
    with web_server() as cdn:
        published(cdn, "1.0.0")
        published(web, "1.0.0", url=f"{cdn.url}/helm/charts/{{file}}")
        with pytest.raises(ArtifactUnauthorisedError, match="401"):
            sources.fetch(ref(web, "1.0.0"))
        sources.fetch(ref(web, "1.0.0", "charts/pay"))
        assert [asked.authorization for asked in cdn.asked] == [""]


def test_a_token_in_the_place_of_a_password_is_taken_and_a_user_is_needed(
    sources: Sources, web: WebServer, credentials: DirectoryProvider
) -> None:
    credentials.store("charts/token", {"username": b"robot", "token": b"canary\n"})
    credentials.store("charts/half", {"token": b"canary"})
    web.user = ("robot", "canary")
    published(web, "1.0.0")
    sources.fetch(ref(web, "1.0.0", "charts/token"))
    with pytest.raises(CredentialsRefusedError, match="lack a username"):
        sources.fetch(ref(web, "1.0.0", "charts/half"))


def test_a_private_ca_is_trusted_by_the_credential_alone(tmp_path: Path, credentials: DirectoryProvider) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    certificates = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    credentials.store("charts/ca", {"ca.crt": certificates.ca.encode()})
    credentials.store("charts/bad", {"ca.crt": b"none"})
    artifacts = sources_on(Machine(tmp_path / "artifacts", credentials))
    with web_server(context) as web:
        digests = published(web, "1.0.0")
        url = f"https://{web.host}/helm"
        assert artifacts.fetch(stored_ref(url, "charts/ca", f"chart:{NAME}:1.0.0")).commit == digests["1.0.0"]
        with pytest.raises(CertificateError, match="authority that is not known here"):
            artifacts.fetch(stored_ref(url, "", f"chart:{NAME}:1.0.0"))
        with pytest.raises(CredentialsRefusedError, match="no certificate"):
            artifacts.fetch(stored_ref(url, "charts/bad", f"chart:{NAME}:1.0.0"))
    artifacts.close()


@pytest.mark.parametrize(
    ("change", "fault", "words"),
    [
        (lambda web: web.replies.pop("/helm/index.yaml"), ArtifactMissingError, "answers 404 for the index"),
        (lambda web: web.replies.update({"/helm/index.yaml": Reply(503)}), ArtifactUnreachableError, "503"),
        (lambda web: web.replies.update({"/helm/index.yaml": Reply(418)}), AnswerRefusedError, "418"),
        (
            lambda web: web.replies.update({"/helm/index.yaml": Reply(content=b"- a: [")}),
            AnswerRefusedError,
            "no index",
        ),
        (lambda web: web.replies.pop(f"/helm/charts/{NAME}-2.0.0.tgz"), ArtifactMissingError, "a chart's archive"),
        (
            lambda web: web.replies.update({f"/helm/charts/{NAME}-2.0.0.tgz": Reply(content=chart(NAME, "6.6.6"))}),
            DigestMismatchError,
            "should have sha256",
        ),
        (
            lambda web: published(web, "1.0.0", "2.0.0", url="http://charts.example.com/{file}"),
            AddressRefusedError,
            "not https",
        ),
        (lambda web: published(web, "1.0.0", "2.0.0", url="file:///etc/passwd"), AddressRefusedError, "leads to"),
    ],
)
def test_a_repository_that_breaks_is_a_fault_and_the_last_good_chart_stays(
    sources: Sources, web: WebServer, change: Callable[[WebServer], object], fault: type[Exception], words: str
) -> None:
    published(web, "1.0.0")
    good = sources.fetch(ref(web, "*")).commit
    published(web, "1.0.0", "2.0.0")
    change(web)
    with pytest.raises(fault, match=words):
        sources.fetch(ref(web, "*"))
    assert b"1.0.0" in sources.tree(ref(web, "*"), good).read("Chart.yaml")


def test_what_the_index_does_not_have_is_said_by_name(sources: Sources, web: WebServer) -> None:
    published(web, "1.0.0")
    with pytest.raises(ArtifactMissingError, match="has no chart other"):
        sources.fetch(stored_ref(f"{web.url}/helm", "", "chart:other:1.0.0"))
    for version in ("1.0.1", "1.0.0+build", ">=2"):
        with pytest.raises(VersionMissingError):
            sources.fetch(ref(web, version))
    with pytest.raises(VersionRefusedError, match="no range"):
        sources.fetch(ref(web, "newest"))


def test_a_chart_without_a_folder_of_its_own_is_refused(sources: Sources, web: WebServer) -> None:
    published(web, "1.0.0", digests=False)
    web.replies[f"/helm/charts/{NAME}-1.0.0.tgz"] = Reply(content=packed({"Chart.yaml": "x", "templates/a.yaml": "y"}))
    with pytest.raises(ArchivePathError, match=r"holds Chart.yaml, templates"):
        sources.fetch(ref(web, "1.0.0"))


def test_a_server_that_asks_for_patience_is_left_alone_for_that_long(sources: Sources, web: WebServer) -> None:
    web.replies["/helm/index.yaml"] = Reply(429, headers={"Retry-After": "90"})
    with pytest.raises(ArtifactUnreachableError) as caught:
        sources.fetch(ref(web, "1.0.0"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 90
