"""The hub's address, read without the settings' machinery, is what the settings say."""

from __future__ import annotations

import pytest

from common.settings import Settings
from console.client.address import address


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"FLOTILLA_HOME": "/srv/hub"},
        {"FLOTILLA_API_URL": "https://hub.example.com"},
        {"FLOTILLA_API_TOKEN_FILE": "/run/secrets/token"},
    ],
)
def test_the_address_is_what_the_settings_say(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOTILLA_HOME", "FLOTILLA_API_URL", "FLOTILLA_API_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found, config = address(), Settings()
    assert (found.home, found.url, found.socket) == (config.home, config.api_url, config.api_socket)
    assert found.token_file == (config.api_token_file or config.home / "api.token")
