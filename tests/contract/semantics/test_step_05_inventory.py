"""What is about to be applied is in the inventory before the first write."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.refs import ObjectId
from tests.fakes.sync import Site, config_map
from tests.harness.hands import MAPS, Busy
from workers.sync.errors import UnsettledError
from workers.sync.results import Ending


def test_a_crash_between_two_writes_orphans_nothing(site: Site, kubectl: httpx.Client) -> None:
    real, seen = site.cluster, []

    def crash(*_: Any) -> None:
        seen.append(set(site.journal.inventory))
        message = "the worker died"
        raise UnsettledError(message)

    site.cluster = Busy(real, crash)
    with pytest.raises(UnsettledError):
        site.sync(config_map("a"), config_map("b"))
    expected = {ObjectId("", "ConfigMap", "default", name) for name in ("a", "b")}
    assert seen[0] == expected
    site.cluster = real
    fenced = frozenset(change.object for change in site.journal.planned)
    assert site.sync(config_map("a"), fenced=fenced).ending is Ending.SUCCEEDED
    assert kubectl.get(f"{MAPS}/b").status_code == 404
    assert set(site.journal.inventory) == {ObjectId("", "ConfigMap", "default", "a")}
