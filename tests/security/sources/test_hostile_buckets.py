"""Buckets that attack: keys that lead out, lists without end or sense, lies about contents, and thieves of keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from common.credentials import DirectoryProvider
from common.destinations import DestinationRefusedError
from common.domain.errors import FlotillaError
from common.sources.artifacts.archives import ArchiveLimits
from common.sources.artifacts.faults import (
    AddressRefusedError,
    AnswerRefusedError,
    ArchivePathError,
    ArtifactUnauthorisedError,
    DigestMismatchError,
    DownloadTooLargeError,
    VersionMissingError,
)
from common.sources.artifacts.store import ArtifactLimits
from common.sources.artifacts.web import WebLimits
from common.sources.doors import Machine
from common.sources.kinds.s3.bucket import BucketChangedError
from common.sources.kinds.s3.values import S3Ref
from common.sources.sources import Sources, sources_on
from common.sources.urls import PlainHttp
from tests.fakes.web_server import Asked, Reply, WebServer, web_server

CANARY, TOKEN = "canary/secret+8812", "canary-token-77"
LIMITS = ArtifactLimits(
    web=WebLimits(total=timedelta(seconds=30)), archive=ArchiveLimits(max_file=1_000, max_unpacked=2_000)
)
BODY = b"a: 1\n"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def thief() -> Iterator[WebServer]:
    """Another server, which must never be asked."""
    with web_server() as server:
        yield server
    assert server.asked == []


@pytest.fixture
def sources(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Sources]:
    stored = {"access-key": b"AKIA", "secret-key": CANARY.encode(), "session-token": TOKEN.encode()}
    credentials.store("s3/pay", stored)
    found = sources_on(Machine(tmp_path / "sources", credentials, PlainHttp.LOOPBACK, LIMITS))
    yield found
    found.close()


def source(web: WebServer, prefix: str = "") -> S3Ref:
    return S3Ref(f"s3://{web.host}/pay{f'/{prefix}' if prefix else ''}", "s3/pay", "us-east-1")


def etag_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def entry(key: str, content: bytes = BODY, **said: Any) -> str:
    """Return one entry of a list, as AWS writes it when keys are to be escaped."""
    given = {"Key": quote(key, safe="/"), "LastModified": "2026-01-01T00:00:00.000Z"}
    given |= {"ETag": f'"{etag_of(content)}"', "Size": str(len(content)), **said}
    return f"<Contents>{''.join(f'<{name}>{value}</{name}>' for name, value in given.items())}</Contents>"


def page(*entries: str, more: str = "<IsTruncated>false</IsTruncated>") -> Reply:
    text = f"<ListBucketResult>{more}<EncodingType>url</EncodingType>{''.join(entries)}</ListBucketResult>"
    return Reply(content=text.encode())


def serve(web: WebServer, *keys: str, content: bytes = BODY, **said: Any) -> None:
    """Serve a bucket of objects that all hold ``content``."""
    web.replies["/pay"] = page(*(entry(key, content, **said) for key in keys))
    for key in keys:
        web.replies[f"/pay/{quote(key, safe='/')}"] = Reply(content=content)


def test_an_honest_bucket_is_taken(sources: Sources, web: WebServer) -> None:
    serve(web, "a.yaml", "b/C.yaml", "b/c.yaml")
    commit = sources.fetch(source(web)).commit
    tree = sources.tree(source(web), commit)
    assert [one.path for one in tree.list(".") if not one.is_folder] == ["a.yaml", "b/C.yaml", "b/c.yaml"]


@pytest.mark.parametrize(
    "key",
    [
        "../../x.yaml",
        "a/../../x.yaml",
        "/etc/passwd",
        "//a.yaml",
        "a//b.yaml",
        "./a.yaml",
        "a/./b.yaml",
        "..",
        "a\\..\\b.yaml",
        "a\0b.yaml",
        "a\nM 100644 inline b.yaml",
        "a\x7f.yaml",
        ".git/config",
        "a/.GIT/hooks/post-checkout",
        "a/.g\u200cit/config",
        "git~1/config",
        "a/",
        "n" * 256,
        "/".join("d" * 60) + "/x",
    ],
)
def test_a_key_that_leads_out_or_that_git_would_read_is_refused(sources: Sources, web: WebServer, key: str) -> None:
    serve(web, key)
    with pytest.raises(FlotillaError) as caught:
        sources.fetch(source(web))
    assert caught.value.code in {"archive.path", "archive.too-large"}, caught.value
    assert [asked.target.partition("?")[0] for asked in web.asked] == ["/pay"], "nothing of it was downloaded"


def test_what_is_a_file_and_a_folder_is_refused(sources: Sources, web: WebServer) -> None:
    serve(web, "a", "a/b.yaml")
    with pytest.raises(ArchivePathError, match="a file and a folder"):
        sources.fetch(source(web))


def test_a_list_of_another_folder_is_refused(sources: Sources, web: WebServer) -> None:
    serve(web, "theirs/a.yaml")
    with pytest.raises(AnswerRefusedError, match="not asked for"):
        sources.fetch(source(web, "ours"))


@pytest.mark.parametrize("count", [0, 1])
def test_pages_without_end_end(sources: Sources, web: WebServer, count: int) -> None:
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"
    web.replies["/pay"] = lambda _: page(*[entry(f"{len(web.asked)}.yaml")] * count, more=more)
    with pytest.raises(DownloadTooLargeError, match="more than"):
        sources.fetch(source(web))
    assert len(web.asked) < 10


def test_a_list_that_is_too_long_is_refused(sources: Sources, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.sources.kinds.s3.remote._MOST_OBJECTS", 3)
    serve(web, *(f"{number}.yaml" for number in range(4)))
    with pytest.raises(DownloadTooLargeError, match="more than 3 objects"):
        sources.fetch(source(web))


@pytest.mark.parametrize(
    ("sizes", "content"),
    [(("1001",), b"x" * 1_001), (("900", "900", "900"), b"x" * 900), (("999999999999999",), b"")],
)
def test_more_bytes_than_are_taken_are_not_asked_for(
    sources: Sources, web: WebServer, sizes: tuple[str, ...], content: bytes
) -> None:
    serve(web, *(f"{number}.yaml" for number, _ in enumerate(sizes)), content=content, Size=sizes[0])
    with pytest.raises(DownloadTooLargeError, match="larger than is taken"):
        sources.fetch(source(web))
    assert len(web.asked) == 1


def test_an_object_that_is_larger_than_listed_is_cut_off(sources: Sources, web: WebServer) -> None:
    serve(web, "a.yaml", content=b"x" * 500_000, Size="5")
    with pytest.raises(DownloadTooLargeError, match="more than 5 bytes"):
        sources.fetch(source(web))


def test_names_that_differ_by_case_or_in_normal_form_alone_stay_two_files(sources: Sources, web: WebServer) -> None:
    """Nobody gets one in place of the other, whatever a file system thinks of them."""
    keys = ("A.yaml", "a.yaml", "\u00e9.yaml", "e\u0301.yaml", "\ufb01.yaml", "fi.yaml")
    web.replies["/pay"] = page(*(entry(key, key.encode()) for key in keys))
    for key in keys:
        web.replies[f"/pay/{quote(key, safe='/')}"] = Reply(content=key.encode())
    tree = sources.tree(source(web), sources.fetch(source(web)).commit)
    assert dict(tree.read_many(keys)) == {key: key.encode() for key in keys}


@pytest.mark.parametrize("pages", [1, 2])
def test_a_key_that_is_listed_twice_is_refused(sources: Sources, web: WebServer, pages: int) -> None:
    """Which of the two was meant, another worker might answer otherwise."""
    serve(web, "a.yaml")
    first, second = entry("a.yaml"), entry("a.yaml", ETag='"another"')
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>"
    web.replies["/pay"] = page(first, second)
    if pages == 2:
        web.replies["/pay"] = lambda asked: (
            page(second) if "continuation-token" in asked.target else page(first, more=more)
        )
    with pytest.raises(AnswerRefusedError, match="twice"):
        sources.fetch(source(web))


def test_a_list_whose_bytes_never_end_is_cut_off(sources: Sources, web: WebServer) -> None:
    def endless(out: Any) -> None:
        with suppress(OSError):
            while True:
                out.write(b"<ListBucketResult>" * 4_096)

    web.replies["/pay"] = Reply(headers={"Content-Length": ""})
    web.body = endless
    with pytest.raises(DownloadTooLargeError, match="more than 8,388,608 bytes"):
        sources.fetch(source(web))


@pytest.mark.parametrize(
    "versions", ["", entry("a.yaml", VersionId="1").replace("Contents>", "Version>"), "<Version/>", "<!DOCTYPE a>"]
)
def test_a_history_without_end_or_sense_ends_as_a_state_that_is_gone(
    sources: Sources, web: WebServer, versions: str
) -> None:
    serve(web, "a.yaml")
    more = "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>1</NextVersionIdMarker>"
    history = Reply(content=f"<ListVersionsResult>{more}{versions}</ListVersionsResult>".encode())
    present = page(entry("a.yaml"))

    def listed(asked: Asked) -> Reply:
        return history if "versions" in asked.target else present

    web.replies["/pay"] = listed
    with pytest.raises(VersionMissingError):
        sources.tree(source(web), "0" * 64)
    assert len(web.asked) < 50


BOMB = (
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>"
)
EXTERNAL = '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><ListBucketResult>&x;</ListBucketResult>'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "<html><body>sign in</body></html>",
        BOMB,
        EXTERNAL,
        "<ListBucketResult>" + "<a>" * 100_000,
        "<ListBucketResult>" + "<a></a>" * 100_000 + "</ListBucketResult>",
        "<ListBucketResult><a " + " ".join(f"x{n}=''" for n in range(600_000)) + "/></ListBucketResult>",
        "<ListBucketResult>" + "&#65;" * 1_500_000 + "</ListBucketResult>",
        *(f"<?xml version='1.0' encoding='{codec}'?><\u00e4/>" for codec in ("utf-7", "idna", "rot13", "punycode")),
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        f"<ListBucketResult>{entry('a', Size='-1')}</ListBucketResult>",
        f"<ListBucketResult>{entry('a', Size='²')}</ListBucketResult>",
        f"<ListBucketResult>{entry('a', ETag='a&#10;Host: b')}</ListBucketResult>",
        f"<ListBucketResult>{entry('a', LastModified='now')}</ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType>"
        + entry("a").replace("<Key>a<", "<Key>%ff<")
        + "</ListBucketResult>",
    ],
)
def test_a_list_that_is_none_is_a_fault(sources: Sources, web: WebServer, content: str) -> None:
    web.replies["/pay"] = Reply(content=content.encode())
    with pytest.raises(AnswerRefusedError, match="does not answer as an S3 server does"):
        sources.fetch(source(web))


def test_a_content_that_is_not_its_etag_is_refused(sources: Sources, web: WebServer) -> None:
    serve(web, "a.yaml")
    web.replies["/pay/a.yaml"] = Reply(content=b"b: 2\n")
    with pytest.raises(DigestMismatchError, match="MD5"):
        sources.fetch(source(web))
    web.replies["/pay/a.yaml"] = Reply(content=b"a: 1")
    with pytest.raises(DigestMismatchError, match="5 bytes"):
        sources.fetch(source(web))


@pytest.mark.parametrize("reply", [Reply(412), Reply(404), Reply(content=BODY, headers={"ETag": '"other"'})])
def test_an_object_that_changes_meanwhile_is_read_again_later(sources: Sources, web: WebServer, reply: Reply) -> None:
    serve(web, "a.yaml")
    web.replies["/pay/a.yaml"] = reply
    with pytest.raises(BucketChangedError):
        sources.fetch(source(web))
    assert [asked.headers["If-Match"] for asked in web.asked[1:]] == [f'"{etag_of(BODY)}"']


def test_an_etag_that_says_nothing_cannot_pass_off_other_contents(
    sources: Sources, web: WebServer, tmp_path: Path, credentials: DirectoryProvider
) -> None:
    """A server that says the same of whatever it gives: the commit is of the contents, on every machine."""
    serve(web, "a.yaml", ETag='"always-1"')
    commit = sources.fetch(source(web)).commit
    web.replies["/pay/a.yaml"] = Reply(content=b"b: 2\n")
    other = sources_on(Machine(tmp_path / "other", credentials, PlainHttp.LOOPBACK, LIMITS))
    with pytest.raises(VersionMissingError):
        other.tree(source(web), commit)
    assert other.fetch(source(web)).commit != commit
    other.close()


@pytest.mark.parametrize("where", ["/pay", "/pay/a.yaml"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", ["", "http://169.254.169.254", "file:///etc"])
def test_a_redirect_takes_no_signature_along(
    sources: Sources, web: WebServer, thief: WebServer, status: int, where: str, elsewhere: str
) -> None:
    headers = {"Location": f"{elsewhere or thief.url}/pay", "x-amz-bucket-region": "eu-west-1"}
    serve(web, "a.yaml")
    web.replies[where] = Reply(status, headers=headers)
    with pytest.raises(AddressRefusedError, match="eu-west-1"):
        sources.fetch(source(web))


def test_keys_are_in_no_request_no_fault_and_on_no_disk(
    sources: Sources, web: WebServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serve(web, "a.yaml")
    commit = sources.fetch(source(web)).commit
    faults = []
    for reply in (Reply(403, CANARY.encode()), Reply(500), Reply(content=CANARY.encode())):
        web.replies["/pay"] = reply
        with pytest.raises(FlotillaError) as caught:
            sources.fetch(source(web))
        faults.append(f"{caught.value} {caught.value.__cause__!r}")
    assert CANARY not in str(faults)
    assert TOKEN not in str(faults) + caplog.text
    assert CANARY not in caplog.text
    for asked in web.asked:
        assert CANARY not in asked.target + str(asked.headers)
        assert TOKEN not in asked.target, "a token goes in a header"
        assert "Signature=" in asked.authorization
    for path in (tmp_path / "sources").rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()
            assert TOKEN.encode() not in path.read_bytes()
    assert commit


@pytest.mark.parametrize("secret", [TOKEN, CANARY])
@pytest.mark.parametrize("place", ["region", "key", "other folder", "root", "size", "body"])
def test_what_a_server_repeats_of_its_askers_keys_is_in_no_fault(
    sources: Sources, web: WebServer, secret: str, place: str
) -> None:
    """A token is sent to the server, and who reads why a source cannot be read must not learn it from the server."""
    replies = {
        "region": Reply(400, headers={"x-amz-bucket-region": secret}),
        "key": page(entry(f"a//{secret}")),
        "other folder": page(entry(f"theirs/{secret}")),
        "root": Reply(content=f"<{secret.replace('/', '').replace('+', '')}/>".encode()),
        "size": page(entry("ours/a.yaml", Size=secret)),
        "body": Reply(403, f"<Error><Message>{secret}</Message></Error>".encode()),
    }
    web.replies["/pay"] = replies[place]
    with pytest.raises(FlotillaError) as caught:
        sources.fetch(source(web, "ours"))
    assert secret not in f"{caught.value} {caught.value.reason} {caught.value.__cause__!r}"


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "169.254.170.2:80", "[fe80::1]", "[fd00:ec2::254]", "metadata.google.internal"]
)
def test_addresses_of_metadata_are_not_asked(sources: Sources, host: str) -> None:
    with pytest.raises((DestinationRefusedError, AddressRefusedError)):
        sources.fetch(S3Ref(f"s3://{host}/pay", "s3/pay", "us-east-1"))


@pytest.mark.parametrize(
    "repo",
    ["s3://", "s3:///pay", "s3://host", "https://host/pay", "s3://user:x@host/pay", "s3://ho st/pay"],
)
def test_what_is_no_bucket_is_not_asked(sources: Sources, repo: str) -> None:
    with pytest.raises(AddressRefusedError):
        sources.fetch(S3Ref(repo, "s3/pay", "us-east-1"))


def test_plain_http_is_for_loopback_alone(tmp_path: Path, credentials: DirectoryProvider, web: WebServer) -> None:
    strict = sources_on(Machine(tmp_path / "strict", credentials, artifacts=LIMITS))
    serve(web, "a.yaml")
    with pytest.raises(FlotillaError):
        strict.fetch(S3Ref(source(web).repo, "", "us-east-1"))
    assert web.asked == []
    strict.close()


def test_one_accounts_folder_is_never_read_through_anothers(
    sources: Sources, web: WebServer, credentials: DirectoryProvider
) -> None:
    serve(web, "a.yaml")
    commit = sources.fetch(source(web)).commit
    credentials.store("s3/theirs", {"access-key": b"OTHER", "secret-key": b"x"})
    open_to_us = web.replies["/pay"]

    def guarded(asked: Asked) -> Reply:
        ours = "Credential=AKIA/" in asked.authorization
        return (open_to_us(asked) if callable(open_to_us) else open_to_us) if ours else Reply(403)

    replies: Mapping[str, Reply | Callable[[Asked], Reply]] = {"/pay": guarded}
    web.replies.update(replies)
    with pytest.raises(ArtifactUnauthorisedError):
        sources.tree(S3Ref(source(web).repo, "s3/theirs", "us-east-1"), commit)
