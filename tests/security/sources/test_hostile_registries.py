"""CVE-2023-25163 and kin: servers that fish for credentials, lie about what they hold, or never end."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import FlotillaError
from common.domain.refs import SourceRef
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArtifactMissingError,
    ArtifactTimedOutError,
    ArtifactUnauthorisedError,
    DigestMismatchError,
    DownloadTooLargeError,
    MediaTypeRefusedError,
    VersionMissingError,
)
from common.sources.artifacts.store import ArtifactLimits
from common.sources.artifacts.web import WebLimits
from common.sources.doors import Machine
from common.sources.sources import Sources, sources_on
from common.sources.urls import PlainHttp
from tests.factories import stored_ref
from tests.fakes.archives import chart, packed
from tests.fakes.web_server import Asked, Reply, WebServer, web_server
from tests.fixtures.oci import FLUX, MANIFEST, digest_of

CANARY = "canary-71c3b9"
BASIC = "Basic " + base64.b64encode(f"robot:{CANARY}".encode()).decode()
TOKEN = "canary-token-5520"
NAME = "pay/web"
LIMITS = ArtifactLimits(web=WebLimits(total=timedelta(seconds=30)))


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def thief() -> Iterator[WebServer]:
    """Another server, which must never see a credential."""
    with web_server() as server:
        yield server
    assert [asked.target for asked in server.asked if asked.authorization] == []


@pytest.fixture
def artifacts(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Sources]:
    credentials.store("registry/pay", {"username": b"robot", "password": CANARY.encode()})
    found = sources_on(Machine(tmp_path / "artifacts", credentials, PlainHttp.LOOPBACK, artifacts=LIMITS))
    yield found
    found.close()


def source(web: WebServer, ref: str = "oci-tag:v1", credentials: str = "registry/pay") -> SourceRef:
    return stored_ref(f"oci://{web.host}/{NAME}", credentials, ref)


def published(web: WebServer, content: bytes = packed({"a.yaml": "a: 1\n"}), **layer: Any) -> bytes:
    """Serve an artifact and return its manifest."""
    said = {"mediaType": FLUX, "digest": digest_of(content), "size": len(content), **layer}
    manifest = orjson.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [said]})
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(content=manifest)
    web.replies[f"/v2/{NAME}/manifests/{digest_of(manifest)}"] = Reply(content=manifest)
    web.replies[f"/v2/{NAME}/blobs/{digest_of(content)}"] = Reply(content=content)
    return manifest


def behind_login(web: WebServer, challenge: str, granted: str) -> None:
    """Have every answer of the registry ask for ``granted`` first."""

    def guarded(reply: Reply | Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            if asked.authorization != granted:
                return Reply(401, headers={"WWW-Authenticate": challenge})
            return reply if isinstance(reply, Reply) else reply(asked)

        return answer

    web.replies = {path: guarded(reply) for path, reply in web.replies.items()}


def test_a_token_is_asked_for_reading_this_repository_and_nothing_else(artifacts: Sources, web: WebServer) -> None:
    published(web)
    challenge = f'Bearer realm="{web.url}/token?tenant=a",service="registry",scope="repository:*:push,delete"'
    behind_login(web, challenge, f"Bearer {TOKEN}")
    web.replies["/token"] = Reply(content=orjson.dumps({"access_token": TOKEN}))
    artifacts.fetch(source(web))
    asked = [each for each in web.asked if each.target.startswith("/token")]
    assert [each.target for each in asked] == ["/token?tenant=a&scope=repository%3Apay%2Fweb%3Apull&service=registry"]
    assert [each.authorization for each in asked] == [BASIC]


def test_who_has_no_credentials_asks_for_a_token_as_nobody(artifacts: Sources, web: WebServer) -> None:
    published(web)
    behind_login(web, f'Bearer realm="{web.url}/token"', f"Bearer {TOKEN}")
    web.replies["/token"] = Reply(content=orjson.dumps({"token": TOKEN}))
    artifacts.fetch(source(web, credentials=""))
    assert [each.authorization for each in web.asked if each.target.startswith("/token")] == [""]


@pytest.mark.parametrize(
    "realm",
    [
        "http://192.0.2.1/token",
        "http://registry.example.com/token",
        "file:///etc/passwd",
        "https://a:b@h/",
        "",
        "%zz://x",
    ],
)
def test_a_password_is_not_sent_to_a_realm_that_is_not_safe(artifacts: Sources, web: WebServer, realm: str) -> None:
    published(web)
    behind_login(web, f'Bearer realm="{realm}"', f"Bearer {TOKEN}")
    with pytest.raises(FlotillaError) as caught:
        artifacts.fetch(source(web))
    assert isinstance(caught.value, AddressRefusedError | ArtifactUnauthorisedError)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_password_nor_token_goes_where_a_registry_redirects(
    artifacts: Sources, web: WebServer, thief: WebServer, status: int
) -> None:
    content = packed({"a.yaml": "a: 1\n"})
    published(web, content)
    path = f"/v2/{NAME}/blobs/{digest_of(content)}"
    thief.replies["/store"] = Reply(content=content)
    web.replies[path] = Reply(status, headers={"Location": f"{thief.url}/store?signature=x"})
    behind_login(web, 'Basic realm="r"', BASIC)
    commit = artifacts.fetch(source(web)).commit
    assert artifacts.tree(source(web), commit).read("a.yaml") == b"a: 1\n"
    assert [asked.target for asked in thief.asked] == ["/store?signature=x"]


def test_a_password_does_not_come_back_after_a_detour(artifacts: Sources, web: WebServer, thief: WebServer) -> None:
    published(web)
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(307, headers={"Location": f"{thief.url}/there"})
    behind_login(web, 'Basic realm="r"', BASIC)
    thief.replies["/there"] = Reply(307, headers={"Location": f"{web.url}/echo"})
    web.replies["/echo"] = Reply(200, b"{}")
    with pytest.raises(AnswerRefusedError):
        artifacts.fetch(source(web))
    assert [asked.authorization for asked in web.asked if asked.target == "/echo"] == [""]


def test_a_challenge_from_elsewhere_is_not_answered(artifacts: Sources, web: WebServer, thief: WebServer) -> None:
    published(web)
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(307, headers={"Location": f"{thief.url}/there"})
    thief.replies["/there"] = Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{thief.url}/token"'})
    with pytest.raises(ArtifactUnauthorisedError):
        artifacts.fetch(source(web))
    assert [asked.target for asked in thief.asked] == ["/there"]


@pytest.mark.parametrize(
    "target", ["http://192.0.2.1/x", "file:///etc/passwd", "gopher://x/", "https://u:p@127.0.0.1/"]
)
def test_a_redirect_to_anything_but_https_is_not_followed(artifacts: Sources, web: WebServer, target: str) -> None:
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(302, headers={"Location": target})
    with pytest.raises(AddressRefusedError):
        artifacts.fetch(source(web))


def test_redirects_in_a_circle_end(artifacts: Sources, web: WebServer) -> None:
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(302, headers={"Location": f"/v2/{NAME}/manifests/v1"})
    with pytest.raises(AddressRefusedError, match="redirects more than 5 times"):
        artifacts.fetch(source(web))
    assert len(web.asked) == 6


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(artifacts: Sources, web: WebServer) -> None:
    manifest = published(web)
    other = digest_of(b"other")
    web.replies[f"/v2/{NAME}/manifests/{other}"] = Reply(content=manifest)
    with pytest.raises(DigestMismatchError):
        artifacts.fetch(source(web, f"oci-digest:{other}"))
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(content=manifest, headers={"Docker-Content-Digest": other})
    with pytest.raises(DigestMismatchError):
        artifacts.fetch(source(web))


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        ({"size": 1}, DigestMismatchError),
        ({"size": -1}, AnswerRefusedError),
        ({"size": "9"}, AnswerRefusedError),
        ({"size": 1 << 40}, DownloadTooLargeError),
        ({"digest": digest_of(b"other")}, ArtifactMissingError),
        ({"digest": "sha256:../../../token"}, AnswerRefusedError),
        ({"digest": "md5:d41d8cd98f00b204e9800998ecf8427e"}, AnswerRefusedError),
        ({"mediaType": ["x"]}, MediaTypeRefusedError),
        ({"mediaType": "application/x.tar+gzip\r\nX-Evil: 1"}, MediaTypeRefusedError),
    ],
)
def test_a_manifest_that_lies_about_its_archive_is_refused(
    artifacts: Sources, web: WebServer, layer: dict[str, Any], fault: type[FlotillaError]
) -> None:
    published(web, **layer)
    with pytest.raises(fault):
        artifacts.fetch(source(web))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"null", b"\xff", b'{"layers": 3}', b'{"layers": [3]}', b"[" * 9_999]
)
def test_a_manifest_that_is_none_is_refused(artifacts: Sources, web: WebServer, content: bytes) -> None:
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(content=content)
    with pytest.raises(AnswerRefusedError, match="does not answer as an OCI registry does"):
        artifacts.fetch(source(web))


def test_tags_are_read_page_by_page_at_one_address_alone(artifacts: Sources, web: WebServer, thief: WebServer) -> None:
    published(web)
    web.replies[f"/v2/{NAME}/manifests/2.0.0"] = web.replies[f"/v2/{NAME}/manifests/v1"]
    path = f"/v2/{NAME}/tags/list"

    def pages(asked: Asked) -> Reply:
        if "last=1.0.0" in asked.target:
            return Reply(content=b'{"tags": ["2.0.0", 3, "../../9.9.9", "9.9.9/../x"]}')
        return Reply(content=b'{"tags": ["1.0.0"]}', headers={"Link": f'<{path}?n=1000&last=1.0.0>; rel="next"'})

    web.replies[path] = pages
    artifacts.fetch(source(web, "oci-semver:>=1"))
    assert web.asked[-2].target == f"/v2/{NAME}/manifests/2.0.0"
    for link in (f"{thief.url}{path}?n=9", "/v2/other/tags/list?n=9", "http://192.0.2.1/"):
        web.replies[path] = Reply(content=b'{"tags": []}', headers={"Link": f'<{link}>; rel="next"'})
        with pytest.raises(AddressRefusedError):
            artifacts.fetch(source(web, "oci-semver:>=1"))
    assert thief.asked == []


def test_pages_without_end_end(artifacts: Sources, web: WebServer) -> None:
    path = f"/v2/{NAME}/tags/list"
    web.replies[path] = Reply(content=b'{"tags": null}', headers={"Link": f'<{path}?n=9>; rel="next"'})
    with pytest.raises(DownloadTooLargeError, match="more than 50 pages"):
        artifacts.fetch(source(web, "oci-semver:>=1"))
    web.replies[path] = Reply(content=b'{"tags": ["x"]}')
    with pytest.raises(VersionMissingError):
        artifacts.fetch(source(web, "oci-semver:>=1"))


def test_an_answer_without_end_is_cut_off(artifacts: Sources, web: WebServer) -> None:
    def endless(out: Any) -> None:
        try:
            while True:
                out.write(b"x" * 65_536)
        except OSError:
            pass

    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(headers={"Content-Length": ""})
    web.body = endless
    with pytest.raises(DownloadTooLargeError, match="more than 4,194,304 bytes"):
        artifacts.fetch(source(web))


def test_an_answer_that_was_compressed_on_the_way_is_not_unpacked(artifacts: Sources, web: WebServer) -> None:
    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(content=packed({}), headers={"Content-Encoding": "gzip"})
    with pytest.raises(AnswerRefusedError):
        artifacts.fetch(source(web))
    assert {asked.headers["Accept-Encoding"] for asked in web.asked} == {"identity"}


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_server_that_drips_does_not_hold_a_worker(
    credentials: DirectoryProvider, tmp_path: Path, web: WebServer, head: bytes
) -> None:
    limits = ArtifactLimits(web=WebLimits(total=timedelta(seconds=1)))
    artifacts = sources_on(Machine(tmp_path / "a", credentials, PlainHttp.LOOPBACK, artifacts=limits))

    def drip(out: Any) -> None:
        try:
            out.write(head)
            for _ in range(600):
                out.write(b"x")
                out.flush()
                time.sleep(0.1)
        except OSError:
            pass

    web.replies[f"/v2/{NAME}/manifests/v1"] = Reply(headers={"Content-Length": "1000"})
    web.body = drip
    web.raw = bool(head)
    with pytest.raises(ArtifactTimedOutError, match="answered too slowly"):
        artifacts.fetch(source(web, credentials=""))


def test_what_one_reference_opened_another_does_not_read(artifacts: Sources, web: WebServer) -> None:
    published(web)
    behind_login(web, 'Basic realm="r"', BASIC)
    commit = artifacts.fetch(source(web)).commit
    for ref in ("oci-tag:v1", f"oci-digest:sha256:{commit}"):
        with pytest.raises(ArtifactUnauthorisedError):
            artifacts.tree(source(web, ref, credentials=""), commit)


def test_the_environment_gives_no_credentials_and_no_proxy(
    artifacts: Sources, web: WebServer, thief: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login robot password {CANARY}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, thief.url)
    published(web)
    artifacts.fetch(source(web, credentials=""))
    assert thief.asked == []
    assert [asked.authorization for asked in web.asked if asked.authorization] == []


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500, 302])
def test_a_credential_shows_nowhere(
    artifacts: Sources, web: WebServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    archive = chart("web", "1.0.0")
    index = f"entries: {{web: [{{version: 1.0.0, urls: [a.tgz], digest: {hashlib.sha256(archive).hexdigest()}}}]}}"
    web.replies = {
        "/index.yaml": Reply(status, index.encode(), {"Location": "http://192.0.2.1/?x-signature=canary-signature"}),
        "/a.tgz": Reply(content=archive),
    }
    said = ""
    try:
        artifacts.fetch(stored_ref(web.url, "registry/pay", "chart:web:1.0.0"))
    except FlotillaError as error:
        said = f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert [asked.authorization for asked in web.asked if asked.authorization], "it was really sent"
    assert bool(said) is (status != 200)
    assert "canary-signature" not in said
    for form in (CANARY, BASIC.removeprefix("Basic ")):
        assert form not in said
        assert form not in caplog.text
        for path in (tmp_path / "artifacts").rglob("*"):
            assert not (path.is_file() and form.encode() in path.read_bytes()), path
