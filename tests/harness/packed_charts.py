"""Charts' archives, most of them odd: entries of every type and name, changed headers, several parts of gzip."""

from __future__ import annotations

import gzip
import tarfile

from hypothesis import strategies as st

from tests.fakes.archives import tar_of

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
