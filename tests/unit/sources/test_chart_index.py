"""The index of a chart repository."""

from __future__ import annotations

import pytest

from common.sources.artifacts.faults import AnswerRefusedError, ArtifactMissingError
from common.sources.kinds.chart.repository import ChartVersion, Index, parse_index, versions_of

DIGEST = "ab" * 32
INDEX = f"""
apiVersion: v1
generated: "2026-01-01T00:00:00Z"
entries:
  web:
    - {{name: web, version: 1.2.0, digest: {DIGEST}, urls: [web-1.2.0.tgz, "https://mirror.example.com/web.tgz"]}}
    - {{name: web, version: 1.1.0, digest: "sha256:{DIGEST}", urls: ["https://cdn.example.com/web.tgz"]}}
    - {{name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}}
  empty: []
"""


def test_versions_come_with_digest_and_first_address() -> None:
    found = parse_index(INDEX.encode(), where="index")
    assert found["web"] == (
        ChartVersion("1.2.0", DIGEST, "web-1.2.0.tgz"),
        ChartVersion("1.1.0", DIGEST, "https://cdn.example.com/web.tgz"),
        ChartVersion("1.0.0", "", "web-1.0.0.tgz"),
    )


@pytest.mark.parametrize(
    "entry",
    ["3", "{version: 1.0.0}", "{version: 1, urls: [a]}", "{version: 1.0.0, urls: []}", "{version: 1.0.0, urls: [3]}",
     "{version: 1.0.0, urls: [a], digest: md5}", "{version: 1.0.0, urls: [a], digest: {}}", "null"],
)  # fmt: skip
def test_one_malformed_version_does_not_hide_the_others(entry: str) -> None:
    text = f"entries:\n  web:\n    - {entry}\n    - {{version: 2.0.0, urls: [b]}}\n"
    assert parse_index(text.encode(), where="index")["web"] == (ChartVersion("2.0.0", "", "b"),)


@pytest.mark.parametrize("text", ["", "[]", "a: 1", "entries: []", "entries: {", "entries: &a {web: *a}", "\x00"])
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(AnswerRefusedError, match="index is no index of charts"):
        parse_index(text.encode(), where="index")


def test_an_index_is_kept_as_it_was() -> None:
    index = Index('"etag"', "yesterday", parse_index(INDEX.encode(), where="index"))
    assert Index.from_json(index.to_json()) == index
    for broken in (b"", b"[]", b"{}", b'{"etag": "", "modified": "", "charts": {"a": [{"x": 1}]}}'):
        with pytest.raises((ValueError, KeyError, TypeError)):
            Index.from_json(broken)


def test_a_chart_that_is_not_there_is_missing() -> None:
    index = Index(charts=parse_index(INDEX.encode(), where="index"))
    for chart in ("other", "empty"):
        with pytest.raises(ArtifactMissingError, match=f"charts has no chart {chart}"):
            versions_of(index, chart, where="charts")
