"""Folders of buckets on a real S3 server: what is resolved, downloaded, kept and refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from common.credentials import CredentialsRefusedError, DirectoryProvider
from common.settings import Settings
from common.sources.artifacts.faults import (
    ArtifactMissingError,
    ArtifactUnauthorisedError,
    VersionMissingError,
)
from common.sources.kinds.s3.values import S3Ref
from common.sources.sources import Sources, sources_from
from tests.fixtures.s3 import REGION, S3Server, TestBucket

FILES = {"web/a.yaml": "v: 1\n", "web/deep/b c+d.yaml": "b: 1\n", "webs/c.yaml": "other\n", "top.yaml": "top\n"}


@pytest.fixture
def bucket(s3_server: S3Server, credentials: DirectoryProvider) -> TestBucket:
    credentials.store("s3/pay", s3_server.credential)
    found = s3_server.bucket()
    found.put(FILES)
    return found


def ref(bucket: TestBucket, prefix: str = "web", credentials: str = "s3/pay") -> S3Ref:
    return S3Ref(bucket.repo(prefix), credentials, REGION)


def contents(sources: Sources, source: S3Ref, commit: str) -> dict[str, bytes]:
    tree = sources.tree(source, commit)
    files = [entry.path for entry in tree.list(".") if not entry.is_folder]
    return dict(tree.read_many(files))


def test_a_folder_is_a_tree_from_its_prefix_on(sources: Sources, bucket: TestBucket) -> None:
    source = ref(bucket)
    commit = sources.fetch(source).commit
    assert contents(sources, source, commit) == {"a.yaml": b"v: 1\n", "deep/b c+d.yaml": b"b: 1\n"}
    assert source.named(commit) == f"sha256:{commit}"


def test_without_a_prefix_the_whole_bucket_is_taken(sources: Sources, bucket: TestBucket) -> None:
    source = ref(bucket, "")
    assert set(contents(sources, source, sources.fetch(source).commit)) == set(FILES)


def test_a_commit_stands_for_contents_and_not_for_uploads(sources: Sources, bucket: TestBucket) -> None:
    source = ref(bucket)
    first = sources.fetch(source).commit
    bucket.put({"web/a.yaml": "v: 1\n"})
    assert sources.fetch(source).commit == first
    bucket.put({"web/a.yaml": "v: 2\n"})
    second = sources.fetch(source).commit
    assert second != first
    bucket.delete("web/a.yaml")
    assert sources.fetch(source).commit not in {first, second}
    bucket.put({"web/a.yaml": "v: 1\n"})
    assert sources.fetch(source).commit == first
    assert contents(sources, source, second)["a.yaml"] == b"v: 2\n", "what was fetched once stays"


def test_two_machines_give_a_state_the_same_commit(sources: Sources, bucket: TestBucket, tmp_path: Path) -> None:
    credentials = DirectoryProvider(tmp_path / "credentials")
    other = sources_from(Settings(home=tmp_path / "other", allow_loopback_http=True), credentials)
    source = ref(bucket)
    commit = sources.fetch(source).commit
    assert contents(other, source, commit) == contents(sources, source, commit)
    assert other.fetch(source).commit == commit
    other.close()


def test_a_former_state_is_read_where_the_bucket_keeps_versions(
    sources: Sources, bucket: TestBucket, tmp_path: Path
) -> None:
    bucket.keep_versions()
    bucket.put({"web/a.yaml": "v: 2\n"})
    source = ref(bucket)
    former = sources.fetch(source).commit
    second = int(time.time())
    while int(time.time()) == second:  # a list says of an object in which second it was written
        time.sleep(0.02)
    bucket.put({"web/a.yaml": "v: 3\n", "web/new.yaml": "n: 1\n"})
    bucket.delete("web/deep/b c+d.yaml")
    credentials = DirectoryProvider(tmp_path / "credentials")
    other = sources_from(Settings(home=tmp_path / "other", allow_loopback_http=True), credentials)
    assert contents(other, source, former) == {"a.yaml": b"v: 2\n", "deep/b c+d.yaml": b"b: 1\n"}
    assert set(contents(other, source, other.fetch(source).commit)) == {"a.yaml", "new.yaml"}
    other.close()


def test_a_state_that_is_gone_is_said_to_be(sources: Sources, bucket: TestBucket) -> None:
    with pytest.raises(VersionMissingError) as caught:
        sources.tree(ref(bucket), "0" * 64)
    assert "versions" in caught.value.remedy


def test_more_than_a_page_is_listed(sources: Sources, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.sources.kinds.s3.bucket._A_PAGE", 2)
    bucket.put({f"many/{number}.yaml": "a: 1\n" for number in range(5)})
    source = ref(bucket, "many")
    assert len(contents(sources, source, sources.fetch(source).commit)) == 5


def test_a_mark_of_a_folder_is_no_file(sources: Sources, bucket: TestBucket) -> None:
    bucket.put({"web/": "", "web/empty/": ""})
    source = ref(bucket)
    assert set(contents(sources, source, sources.fetch(source).commit)) == {"a.yaml", "deep/b c+d.yaml"}


def test_an_empty_folder_is_an_empty_tree(sources: Sources, bucket: TestBucket) -> None:
    source = ref(bucket, "none")
    assert contents(sources, source, sources.fetch(source).commit) == {}


def test_what_is_not_there_or_not_ours_is_said_so(
    sources: Sources, bucket: TestBucket, credentials: DirectoryProvider
) -> None:
    with pytest.raises(ArtifactMissingError):
        sources.fetch(S3Ref(f"{bucket.repo()}-none", "s3/pay", REGION))
    credentials.store("s3/wrong", bucket.server.credential | {"secret-key": b"canary-5d1f"})
    with pytest.raises(ArtifactUnauthorisedError) as caught:
        sources.fetch(ref(bucket, credentials="s3/wrong"))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "credential",
    [{"username": b"a"}, {"access-key": b"a"}, {"access-key": b"a\nb", "secret-key": b"b"}, {"secret-key": b"b"}],
)
def test_credentials_that_cannot_sign_are_refused(
    sources: Sources, bucket: TestBucket, credentials: DirectoryProvider, credential: dict[str, bytes]
) -> None:
    credentials.store("s3/odd", credential)
    with pytest.raises(CredentialsRefusedError, match="access key"):
        sources.fetch(ref(bucket, credentials="s3/odd"))
