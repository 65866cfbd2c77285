"""What is handed on of a packed chart is what Helm reads of it, whatever the archive was made of."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.domain.errors import PermanentError
from common.sources.artifacts.archives import ArchiveLimits, unpack
from common.sources.artifacts.tar import members, written
from tests.fakes.archives import tar_of
from tests.fakes.helm_reader import HelmReader
from workers.render.helm.packed import Unpacking

HEAD = ("sub/Chart.yaml", b"apiVersion: v2\nname: sub\nversion: 1.0.0\n")
NAMES = st.sampled_from(
    ["sub", "sub", "sub", ".", "..", "", "values.schema.json", "values.schema.json", "VALUES.schema.json", "a", "b",
     "templates", "charts", "in.tgz", "Chart.yaml", "c:", "\u00fc", "x" * 120, "a b", "-", "_", ".x", "a\\b", "x\0y"]
)  # fmt: skip
PATHS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=5).map("/".join),
    st.lists(NAMES, min_size=1, max_size=3).map("\\".join),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "sub/" + "/".join(parts)),
)
KINDS = st.sampled_from([b"0"] * 12 + [b"\0", b"1", b"2", b"5", b"6", b"7", b"L", b"K", b"S", b"x", b"g", b"Z", b"D"])
TEXTS = st.sampled_from([b"", b"{}", b'{"$ref": "file:///etc/hostname"}', b"\xef\xbb\xbf{}", b"plain", b"x" * 600])
RECORDS = st.dictionaries(
    st.sampled_from(["path", "size", "comment", "linkpath", "GNU.sparse.name"]),
    st.one_of(PATHS, st.sampled_from(["0", "2", "600", "-1", "1e3"])),
    max_size=2,
)


@st.composite
def entries(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(draw(PATHS).replace("\0", "") or "x")
    info.type = draw(KINDS)
    info.pax_headers = {key: value.replace("\0", "") for key, value in draw(RECORDS).items()}
    return info, draw(TEXTS)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    own = tarfile.TarInfo(HEAD[0])
    raw = bytearray(
        tar_of(
            [(own, HEAD[1]), *draw(st.lists(entries(), max_size=5))],
            form=draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])),
        )
    )
    for block, place, value in draw(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 511), st.binary(max_size=4)), max_size=1)
    ):
        start = block * 512
        raw[start + place : start + place + len(value)] = value
        if len(raw) >= start + 512:  # a header is read only with the sum that fits it
            raw[start + 148 : start + 156] = b" " * 8
            raw[start + 148 : start + 156] = b"%06o\0 " % sum(raw[start : start + 512])
    end = draw(st.sampled_from([b"", b"", bytes(1024), b"x" * 7, bytes(raw[:1536])]))
    cut = draw(st.integers(0, len(raw)))
    members = draw(
        st.sampled_from([(bytes(raw) + end,), (bytes(raw[:cut]), bytes(raw[cut:]) + end), (bytes(raw), end)])
    )
    return b"".join(map(gzip.compress, members)) + draw(st.sampled_from([b"", b"", bytes(20), b"junk"]))


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmReader]:
    found = HelmReader()
    yield found
    found.close()


@settings(max_examples=300, deadline=None)
@given(archives())
def test_helm_reads_what_was_read_here(helm: HelmReader, archive: bytes) -> None:
    unpacking = Unpacking(ArchiveLimits())
    try:
        handed = dict(unpacking.anew({"charts/sub.tgz": archive}))["charts/sub.tgz"]
    except PermanentError:
        return
    assert dict(Unpacking(ArchiveLimits()).anew({"charts/sub.tgz": bytes(handed)}))["charts/sub.tgz"] == handed
    of_handed, of_theirs = helm.files(bytes(handed)), helm.files(archive)
    if of_handed is not None:
        read = {path.partition("/")[2]: bytes(text) for path, text in unpack(bytes(handed)).items()}
        plain = sorted([name, _shown(text)] for name, text in read.items() if _is_kept_as_file(name, text))
        assert of_handed == plain
    if of_theirs is not None:
        assert of_handed == of_theirs


def _shown(text: bytes) -> str:
    return text.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")


def _is_kept_as_file(name: str, text: bytes) -> bool:
    if name == "values.schema.json":
        return _shown(text) != ""
    return name not in {"Chart.yaml", "values.yaml"} and not name.startswith("charts/")


@given(
    st.dictionaries(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1), st.binary()
    )
)
def test_what_is_written_is_read_again(files: dict[str, bytes]) -> None:
    plain = {name: text for name, text in files.items() if not name.endswith("/")}
    assert {each.name: bytes(each.content) for each in members(written(plain))} == plain
