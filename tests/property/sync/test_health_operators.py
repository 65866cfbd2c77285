"""No status that an operator may write breaks the rule of its kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.domain.health import Health
from workers.sync.health import Context, assess
from workers.sync.health.operators import OPERATORS

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


CONDITION = st.dictionaries(st.sampled_from(["type", "status", "reason", "message", "observedGeneration"]), JSON)


FIELDS = {name: JSON for name in ("phase", "state", "health", "message", "parents")}


STATUS = st.fixed_dictionaries({}, optional={**FIELDS, "conditions": st.lists(CONDITION)})


def obj(key: tuple[str, str], status: Any, spec: Any) -> dict[str, Any]:
    whole = {"apiVersion": f"{key[0]}/v1", "kind": key[1], "metadata": {"name": "x", "generation": 2}}
    return whole | ({} if status is None else {"status": status}) | ({} if spec is None else {"spec": spec})


@given(key=st.sampled_from(sorted(OPERATORS)), status=JSON | STATUS, spec=JSON)
def test_no_status_breaks_a_rule(key: tuple[str, str], status: Any, spec: Any) -> None:
    report = assess(obj(key, status, spec), CONTEXT)
    assert report.health in Health
    assert report == assess(obj(key, status, spec), CONTEXT)
