"""What ``flotilla doctor`` says of the renderers' sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.sandbox.launch import Strictness
from common.sandbox.layers import Layer
from common.settings import Settings
from console.cli.doctor import sandbox_finding

ALL = {layer.value: True for layer in Layer}


def test_a_machine_that_confines_is_well(tmp_path: Path) -> None:
    found = sandbox_finding("sandbox", ALL, Settings(home=tmp_path))
    assert (found.state, found.remedy) == ("ok", "")
    assert "sockets" in found.detail


@pytest.mark.parametrize(
    ("missing", "strictness", "state"),
    [
        ("files", Strictness.STRICT, "failed"),
        ("sockets", Strictness.STRICT, "failed"),
        ("network", Strictness.STRICT, "warning"),
        ("files", Strictness.WARN, "warning"),
        ("files", None, "warning"),
    ],
)
def test_what_is_missing_is_told_with_what_it_means(
    tmp_path: Path, missing: str, strictness: Strictness | None, state: str
) -> None:
    config = Settings(home=tmp_path, sandbox=strictness)
    found = sandbox_finding("sandbox of w1", ALL | {missing: False}, config)
    assert found.state == state
    assert found.detail.startswith("a renderer could ")
    assert "Landlock" in found.remedy


def test_a_layer_that_a_worker_of_an_older_version_does_not_know_counts_as_missing(tmp_path: Path) -> None:
    known = {name: True for name in ALL if name != "tracing"}
    assert "trace other processes" in sandbox_finding("sandbox", known, Settings(home=tmp_path)).detail
