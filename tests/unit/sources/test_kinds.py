"""The table of kinds: each stored ref is read by one of them, and each has its keys in the format."""

from __future__ import annotations

import pytest

from common.domain.refs import ChartRef, GitRef, OciRef, Range, SourceRef
from common.registry.schema.sources import SourceSpec
from common.sources.kinds import source_kinds, source_ref
from common.sources.kinds.s3.values import S3Ref

REFS = (
    GitRef("https://git.example.com/a", "git/a", "refs/heads/main"),
    GitRef("https://git.example.com/a", "", Range(">=1.8 <2")),
    GitRef("https://git.example.com/a", "", "a" * 40, submodules=True),
    GitRef("https://git.example.com/a", "", Range("^1"), submodules=True),
    GitRef("https://git.example.com/a", "", "refs/heads/oci-tag:x"),
    OciRef("oci://registry.example.com/a", "", "v1"),
    OciRef("oci://registry.example.com/a", "", f"sha256:{'ab' * 32}"),
    OciRef("oci://registry.example.com/a", "", Range("1.x")),
    ChartRef("https://charts.example.com", "", "web", "1.2.0+build.5"),
    ChartRef("oci://registry.example.com/charts", "", "web", "1.x || 2.x"),
    S3Ref("s3://s3.example.com/pay/web", "s3/pay", "eu-1"),
)


@pytest.mark.parametrize("ref", REFS, ids=lambda ref: ref.text[:40])
def test_a_ref_is_read_as_it_was_stored(ref: SourceRef) -> None:
    assert source_ref(ref.repo, ref.credentials, ref.text) == ref


def test_no_text_is_read_by_two_kinds() -> None:
    for ref in REFS:
        read = [kind.key for kind in source_kinds() if kind.read(ref.repo, ref.credentials, ref.text) is not None]
        assert len(read) == 1, (ref, read)


def test_sources_of_all_kinds_have_one_order() -> None:
    assert [ref.key for ref in sorted(REFS)] == sorted(ref.key for ref in REFS)


def test_what_no_kind_knows_is_nobodys() -> None:
    assert source_ref("x://y", "", "newer:thing") is None


def test_every_kind_has_its_keys_in_the_registrys_format() -> None:
    assert {kind.key for kind in source_kinds()} <= set(SourceSpec.model_fields)
