"""CVE-2022-24877, CVE-2022-36049 and kin: archives that write elsewhere, link out, or unpack to gigabytes."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.credentials import DirectoryProvider
from common.domain.errors import PermanentError
from common.sources.artifacts.archives import unpack
from common.sources.artifacts.faults import ArchiveBombError, ArchiveBrokenError, ArchiveEntryError, ArchivePathError
from common.sources.doors import Machine
from common.sources.sources import Sources, sources_on
from common.sources.urls import PlainHttp
from tests.factories import stored_ref
from tests.fakes.archives import entry, packed, tar_of
from tests.fakes.web_server import Reply, WebServer, web_server
from tests.fixtures.cpu import costing_at_most

ESCAPES = (
    "../marker",
    "a/../../marker",
    "a/..",
    "..",
    "/etc/marker",
    "//marker",
    "a//marker",
    "a\\..\\marker",
    "C:\\marker",
    "a/\x01marker",
    "a/mar\nker",
    ".git/config",
    ".GIT/hooks/post-checkout",
    "a/.git",
    "a/.git./config",
    "a/.g\u200cit/config",
    "GIT~1/config",
    "n" * 256,
)
INDEX = "entries: {{web: [{{version: 1.0.0, urls: [{}]}}]}}"


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with costing_at_most(20):
        yield


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def artifacts(tmp_path: Path, credentials: DirectoryProvider) -> Iterator[Sources]:
    found = sources_on(Machine(tmp_path / "artifacts", credentials, PlainHttp.LOOPBACK))
    yield found
    found.close()


@pytest.mark.parametrize("name", ESCAPES)
def test_a_path_out_of_the_archive_is_refused(name: str) -> None:
    with pytest.raises(ArchivePathError):
        unpack(packed({"web/a.yaml": "a: 1\n", name: "evil: 1\n"}))


@pytest.mark.parametrize("name", ["../marker", ".git/config", "/marker"])
def test_a_folder_out_of_the_archive_is_refused_too(name: str) -> None:
    with pytest.raises(ArchivePathError):
        unpack(gzip.compress(tar_of([(entry(f"{name}/", tarfile.DIRTYPE), b"")])))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.CONTTYPE, "type b'7'"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
        (b"V", "type b'V'"),
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(kind: bytes, words: str) -> None:
    entries = [(entry("a.yaml"), b"a: 1\n"), (entry("link", kind, link="/etc/passwd"), b"")]
    with pytest.raises(ArchiveEntryError, match=words):
        unpack(gzip.compress(tar_of(entries)))


def test_what_one_reader_takes_for_a_folder_and_another_for_a_file_is_refused() -> None:
    good = (entry("a.yaml"), b"a: 1\n")
    with pytest.raises(ArchiveEntryError, match="a file whose name ends as a folder's does"):
        unpack(gzip.compress(tar_of([good, (entry("sub/sub/", tarfile.REGTYPE), b"")])))
    before_posix = unpack(gzip.compress(tar_of([good, (entry("sub/", tarfile.AREGTYPE), b"")])))
    assert list(before_posix) == ["a.yaml"]


def test_a_link_with_a_target_of_any_length_is_refused() -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        entries = [(entry("link", tarfile.SYMTYPE, link="../" * 60 + "etc/passwd"), b"")]
        with pytest.raises(ArchiveEntryError):
            unpack(gzip.compress(tar_of(entries, form=form)))


def test_a_sparse_file_by_an_extended_header_is_refused() -> None:
    info = entry("a.yaml")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 60)}
    with pytest.raises(ArchiveEntryError, match="a sparse file"):
        unpack(gzip.compress(tar_of([(info, b"0\n")])))


def test_a_bomb_dies_early_and_takes_no_memory() -> None:
    zeros = bytes(1 << 20)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
        for _ in range(1_000):
            file.write(zeros)
    tracemalloc.start()
    with pytest.raises(ArchiveBombError):
        unpack(out.getvalue())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 << 20


def test_many_small_bombs_one_after_the_other_are_one() -> None:
    with pytest.raises(ArchiveBombError):
        unpack(gzip.compress(bytes(1 << 19)) * 2_000)


def test_a_stream_of_empty_streams_does_not_take_for_ever() -> None:
    with pytest.raises(ArchiveBombError, match="gzip members"):
        unpack(gzip.compress(b"") * 1_000_000)


def test_more_files_than_anybody_needs_are_refused() -> None:
    with pytest.raises(ArchiveBombError, match="more than 20,000 files"):
        unpack(gzip.compress(tar_of((entry(f"{n}/", tarfile.DIRTYPE), b"") for n in range(20_001))))


def test_a_header_that_is_itself_a_bomb_is_refused() -> None:
    info = entry("a.yaml")
    info.pax_headers = {"comment": "1 " * 100_000}
    with pytest.raises(ArchiveBrokenError, match="extended by more"):
        unpack(gzip.compress(tar_of([(info, b"")])))


@pytest.mark.parametrize(
    "size", [b"-0000000777\0", b"\x80" + b"\xff" * 11, b"99999999999\0", b"0x000000010\0", b"\0" * 12]
)
def test_a_size_that_is_no_number_leads_nowhere(size: bytes) -> None:
    raw = bytearray(tar_of([(entry("a.yaml"), b"x" * 600)]))
    raw[124:136] = size
    raw[148:156] = b" " * 8
    raw[148:156] = f"{sum(raw[:512]):06o}\0 ".encode()
    with pytest.raises(ArchiveBrokenError):
        unpack(gzip.compress(raw))


def test_names_and_contents_cannot_speak_to_git(artifacts: Sources, web: WebServer, tmp_path: Path) -> None:
    evil = "\nM 100644 inline evil.yaml\ndata 4\nx: 1\n\ncommit refs/heads/main\nreset refs/heads/x\ndone\n"
    files: dict[str, str | bytes] = {
        "web/a.yaml": evil,
        'web/" b.yaml': "b: 1\n",
        'web/c" d.yaml"': "c: 1\n",
        "web/-d.yaml": "d: 1\n",
        "web/ e": evil.encode(),
        "web/inline": b"",
    }
    web.replies = {"/index.yaml": Reply(content=INDEX.format("a.tgz").encode()), "/a.tgz": Reply(content=packed(files))}
    source = stored_ref(web.url, "", "chart:web:1.0.0")
    tree = artifacts.tree(source, artifacts.fetch(source).commit)
    paths = [found.path for found in tree.list(".")]
    assert tree.read_many(paths) == {
        name.removeprefix("web/"): text.encode() if isinstance(text, str) else text for name, text in files.items()
    }
    (repo,) = tmp_path.glob("artifacts/artifacts/helm/*/repo.git")
    refs = subprocess.run(["git", "-C", repo, "for-each-ref"], capture_output=True, check=True).stdout.split()
    assert len(refs) == 3, "one ref, of one commit"
    assert subprocess.run(["git", "-C", repo, "fsck", "--strict"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["web/../../../marker", "web/.git/hooks/post-checkout"])
def test_an_escape_that_is_served_leaves_nothing_behind(
    artifacts: Sources, web: WebServer, marker: Path, name: str
) -> None:
    archive = packed({"web/Chart.yaml": "name: web\n", name: "evil"})
    web.replies = {"/index.yaml": Reply(content=INDEX.format("a.tgz").encode()), "/a.tgz": Reply(content=archive)}
    with pytest.raises(ArchivePathError):
        artifacts.fetch(stored_ref(web.url, "", "chart:web:1.0.0"))
    assert not marker.exists()
    assert not list(marker.parent.glob("artifacts/*/*.git"))


def test_an_index_that_is_a_bomb_is_a_fault(artifacts: Sources, web: WebServer) -> None:
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    for content in (laughs, "[" * 100_000, "entries: {" * 50_000, "!!python/object/apply:os.system ['touch marker']"):
        web.replies = {"/index.yaml": Reply(content=content.encode())}
        with pytest.raises(PermanentError, match="is no index of charts"):
            artifacts.fetch(stored_ref(web.url, "", "chart:web:1.0.0"))
