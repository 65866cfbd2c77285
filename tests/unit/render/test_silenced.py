"""What a tool quoted of a secret is taken out of its words, a piece that was left by cutting them too."""

from __future__ import annotations

import pytest

from common.domain.errors import FlotillaError
from common.domain.redact import MASK
from common.domain.secrecy import Secrets
from workers.render.faults import RenderError, ToolFailedError
from workers.render.secrecy import silenced

SECRET = "correct-horse-battery-staple-77"
SECRETS = Secrets([SECRET])


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"bad value {SECRET}", f"bad value {MASK}"),
        (f"{SECRET[9:]} is bad", f"{MASK} is bad"),
        (f"bad value {SECRET[:-9]}", f"bad value {MASK}"),
    ],
)
def test_of_what_a_tool_said_nothing_is_left_at_either_end(said: str, shown: str) -> None:
    error = silenced(ToolFailedError("app cannot be rendered", said=said, remedy="Correct it."), SECRETS)
    assert error.message == f"app cannot be rendered: {shown}"
    assert "horse" not in f"{error} {error.reason}"


@pytest.mark.parametrize("what", ["app cannot be rendered", "app is refused", ""])
def test_no_wording_is_needed_for_that(what: str) -> None:
    error = silenced(ToolFailedError(what, said=f"{SECRET[9:]} is bad"), SECRETS)
    assert error.message == f"{what}: {MASK} is bad"


@pytest.mark.parametrize("error", [RenderError([f"a: {SECRET}"]), ToolFailedError(f"{SECRET} failed")])
def test_every_error_loses_the_whole_secret(error: FlotillaError) -> None:
    assert SECRET not in str(silenced(error, SECRETS))


def test_without_secrets_nothing_is_changed() -> None:
    error = ToolFailedError("app cannot be rendered", said="no such key")
    assert silenced(error, Secrets()).message == "app cannot be rendered: no such key"
    assert ToolFailedError("app cannot be rendered").message == "app cannot be rendered"
