"""One API process for all attacks that leave it usable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.api import ApiProcess, serving


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    with serving(tmp_path_factory.mktemp("api") / "home") as process:
        yield process
