"""Archives, whole and damaged: what was packed is unpacked, everything else is a fault."""

from __future__ import annotations

import contextlib
import gzip
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.errors import PermanentError
from common.sources.artifacts.archives import unpack
from common.sources.artifacts.faults import ArchiveBrokenError, ArchivePathError
from tests.fakes.archives import packed

_NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\."), min_size=1, max_size=60)
FILES = st.dictionaries(_NAMES, st.binary(max_size=2_000), max_size=5)


@given(FILES, st.sampled_from((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)))
def test_what_was_packed_is_unpacked(files: dict[str, bytes], form: int) -> None:
    named = {f"{name}.yaml": content for name, content in files.items()}
    try:
        found = unpack(packed(named, form=form))
    except ArchivePathError:  # a name of more than 255 bytes or of Git's own
        return
    assert found == named


@given(FILES, st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), max_size=8))
def test_a_damaged_tar_is_a_fault_and_nothing_worse(files: dict[str, bytes], changes: list[tuple[int, int]]) -> None:
    content = bytearray(gzip.decompress(packed(files)))
    for at, value in changes:
        content[at % len(content)] = value
    with contextlib.suppress(PermanentError):
        unpack(gzip.compress(content))


@given(st.binary(max_size=3_000))
def test_noise_is_no_archive(noise: bytes) -> None:
    with pytest.raises(ArchiveBrokenError):
        unpack(b"\x00" + noise)


@given(st.binary(min_size=1, max_size=3_000))
def test_compressed_noise_is_a_fault_or_nothing(noise: bytes) -> None:
    with contextlib.suppress(PermanentError):
        assert unpack(gzip.compress(noise)) == {}
