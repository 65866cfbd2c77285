"""Each table of what can be added takes an addition by one function, and no two of one name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common import renderers
from common.credentials import DirectoryProvider, chain
from common.domain import admission, catalogue
from common.domain.holds import Hold
from common.sources import kinds
from scheduler import readers
from workers.sync.health import kinds as health


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda: renderers.register(renderers.renderers()[0]), id="renderer"),
        pytest.param(lambda: kinds.register(kinds.source_kinds()[0]), id="source"),
        pytest.param(lambda: chain.register(DirectoryProvider.from_settings), id="credentials provider"),
        pytest.param(lambda: admission.register(admission.gates()[0]), id="gate"),
        pytest.param(lambda: readers.register(readers.readers()[0]), id="event reader"),
        pytest.param(lambda: health.register(_health_rule()), id="health rule"),
        pytest.param(lambda: catalogue.register({Hold.FROZEN: str}), id="sentence"),
    ],
)
def test_what_is_there_is_not_registered_again(again: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match=r"already|had one before"):
        again()


def _health_rule() -> health.KindRule:
    rule = health.kind_rule(("apps", "Deployment"))
    assert rule is not None
    return rule
