"""What an archive holds, whoever wrote it; what it must not hold is in tests/security."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from common.sources.artifacts.archives import ArchiveLimits, unpack, without_top_folder
from common.sources.artifacts.faults import ArchiveBombError, ArchiveBrokenError, ArchiveEntryError, ArchivePathError
from tests.fakes.archives import entry, packed, tar_of

FORMS = (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)


@pytest.mark.parametrize("form", FORMS)
def test_files_are_found_whatever_the_format_and_folders_are_only_those_of_files(form: int) -> None:
    files = {
        "./a/b.yaml": b"x: 1\n",
        f"long/{'n' * 120}/{'f' * 90}.yaml": b"y",
        "\u00fc.yaml": b"",
        "a//c".replace("//", "/"): b"z",
    }
    listed = [(entry("empty/", tarfile.DIRTYPE), b""), *((entry(name), text) for name, text in files.items())]
    found = unpack(gzip.compress(tar_of(listed, form=form)))
    assert found == {name.replace("./", ""): content for name, content in files.items()}


def test_an_archive_that_was_cut_off_is_broken_wherever_it_was_cut() -> None:
    whole = packed({"a.yaml": b"x" * 5_000, "b.yaml": b"y"})
    for length in range(len(whole)):
        if length:
            with pytest.raises(ArchiveBrokenError):
                unpack(whole[:length])
    tar = gzip.decompress(whole)
    for length in (1, 511, 513, 5_000):
        with pytest.raises(ArchiveBrokenError, match="ends within"):
            unpack(gzip.compress(tar[:length]))


def test_several_members_of_gzip_are_one_stream() -> None:
    tar = gzip.decompress(packed({"a.yaml": b"x" * 600}))
    assert unpack(gzip.compress(tar[:700]) + gzip.compress(tar[700:])) == {"a.yaml": b"x" * 600}


def test_what_follows_the_stream_is_no_matter_of_taste() -> None:
    with pytest.raises(ArchiveBrokenError):
        unpack(packed({"a.yaml": b"x"}) + b"more")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ArchiveLimits(max_unpacked=9_000), "more than 9,000 bytes"),
        (ArchiveLimits(max_file=4), "has 5 bytes; the limit is 4"),
        (ArchiveLimits(max_files=1), "more than 1 files and folders"),
        (ArchiveLimits(max_depth=2), "deeper than 2 folders"),
    ],
)
def test_every_bound_is_a_fault(limits: ArchiveLimits, words: str) -> None:
    with pytest.raises(ArchiveBombError, match=words):
        unpack(packed({"a.yaml": b"12345", "b/c/d.yaml": b"x"}), limits)


def test_what_grows_too_much_is_a_fault_even_within_the_other_bounds() -> None:
    archive = packed({"a.yaml": bytes(4 << 20)})
    with pytest.raises(ArchiveBombError, match="more than 200 times its size"):
        unpack(archive)
    assert unpack(archive, ArchiveLimits(max_ratio=2_000))


def test_a_path_stands_for_one_thing() -> None:
    for first, second, words in (("a", "./a", "twice"), ("a", "a/b", "a file and a folder"), ("a/b", "a", "a folder")):
        with pytest.raises(ArchivePathError, match=words):
            unpack(packed({first: "x", second: "y"}))
    with pytest.raises(ArchivePathError, match="a file and a folder"):
        unpack(gzip.compress(tar_of([(entry("a"), b"x"), (entry("a/", tarfile.DIRTYPE), b"")])))


def test_a_name_that_is_not_text_is_a_fault() -> None:
    info = entry("a")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as archive:
        info.name = "\u00fc"
        archive.addfile(info)
    with pytest.raises(ArchiveBrokenError, match="not UTF-8"):
        unpack(gzip.compress(raw.getvalue()))


def test_a_note_for_the_whole_archive_is_passed_over_and_a_name_for_it_refused() -> None:
    def with_header(headers: dict[str, str]) -> bytes:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
            archive.addfile(entry("a"))
        return gzip.compress(raw.getvalue())

    assert unpack(with_header({"comment": "0" * 40})) == {"a": b""}
    with pytest.raises(ArchiveEntryError, match="a name for all its files"):
        unpack(with_header({"path": "b"}))


def test_a_chart_is_what_lies_in_the_one_folder_of_its_archive() -> None:
    assert without_top_folder(unpack(packed({"web/Chart.yaml": "x", "web/charts/db/Chart.yaml": "y"}))) == {
        "Chart.yaml": b"x",
        "charts/db/Chart.yaml": b"y",
    }
    for files in ({}, {"Chart.yaml": "x"}, {"a/x": "x", "b/x": "x"}, {"a/x": "x", "README": "x"}):
        with pytest.raises(ArchivePathError, match="a chart's archive holds one folder"):
            without_top_folder(unpack(packed(files)))
