"""What came of each object is recorded as it comes, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.sync import Site, actions, config_map, deployment
from tests.harness.hands import Busy
from tests.harness.place import Place
from workers.sync.errors import ConflictError, UnsettledError


@pytest.fixture
def place(living: Place) -> Place:
    """Look at a cluster that clears away what is deleted."""
    return living


def test_every_object_has_one_outcome_and_the_result_counts_requests(site: Site) -> None:
    site.sync(config_map("a"), config_map("b"))
    before = dict(site.sync(config_map("a"), config_map("b")).requests)
    site.journal.recorded.clear()
    result = site.sync(config_map("a", key="2"), config_map("c"))
    assert sorted((change.object.name, change.action.value) for change in site.journal.recorded) == [
        ("a", "configured"),
        ("b", "pruned"),
        ("c", "created"),
    ]
    assert {change.object for change in result.changes} == {change.object for change in site.journal.recorded}
    made = {verb: result.requests[verb] - before.get(verb, 0) for verb in ("list", "dry-run", "apply", "delete")}
    assert made == {"list": 1, "dry-run": 2, "apply": 2, "delete": 1}


def test_what_was_done_before_a_failure_is_recorded(site: Site) -> None:
    real, left = site.cluster, [1]

    def fail(*_: Any) -> None:
        if not left:
            message = "somebody always writes"
            raise ConflictError(message)
        left.pop()

    site.cluster = Busy(real, fail)
    with pytest.raises(UnsettledError):
        site.sync(config_map("a"), deployment())
    assert [change.object.name for change in site.journal.recorded] == ["a"]


def test_secrets_are_masked_in_what_is_recorded(site: Site) -> None:
    def secret(value: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": value}}

    site.sync(secret("CANARY-1"))
    result = site.sync(secret("CANARY-2"))
    assert actions(result) == {"Secret/s": "configured"}
    assert result.changes[0].diff
    for value in ("CANARY", "Q0FOQVJZ"):
        assert value not in str(site.journal.recorded)
