"""What is handed on of a packed chart is what Helm reads of it, whatever the archive was made of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.domain.errors import PermanentError
from common.sources.artifacts.archives import ArchiveLimits, unpack
from common.sources.artifacts.tar import members, written
from tests.fakes.helm_reader import HelmReader
from tests.harness.packed_charts import archives
from workers.render.helm.packed import Unpacking


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmReader]:
    found = HelmReader()
    yield found
    found.close()


@settings(max_examples=300)
@given(archives())
def test_helm_reads_what_was_read_here(helm: HelmReader, archive: bytes) -> None:
    unpacking = Unpacking(ArchiveLimits())
    try:
        handed = dict(unpacking.repacked({"charts/sub.tgz": archive}))["charts/sub.tgz"]
    except PermanentError:
        return
    assert dict(Unpacking(ArchiveLimits()).repacked({"charts/sub.tgz": bytes(handed)}))["charts/sub.tgz"] == handed
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
