"""What is said of tokens: whether each still counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.cli.people import _state


@pytest.mark.parametrize(
    ("revoked", "days", "said"), [(True, 5, "revoked"), (False, -1, "ended"), (False, 5, "until ")], ids=str
)
def test_a_token_that_has_ended_is_not_told_as_one_that_counts(revoked: bool, days: int, said: str) -> None:  # noqa: FBT001
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    assert _state({"revoked_at": ends if revoked else None, "expires_at": ends}).startswith(said)
