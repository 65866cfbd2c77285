"""Credentials in variables of the environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from common.credentials.provider import (
    Credential,
    CredentialsMissingError,
    CredentialsRefusedError,
    checked_reference,
)
from common.settings import Settings


class EnvironmentProvider:
    """A variable for each reference: ``PREFIXGIT_TEAM_PAY`` for ``git/team-pay``, a JSON object of texts by key."""

    def __init__(self, prefix: str, environment: Mapping[str, str] | None = None) -> None:
        self._prefix = prefix
        self._environment = os.environ if environment is None else environment

    @classmethod
    def from_settings(cls, settings: Settings) -> EnvironmentProvider | None:
        """Return what reads the variables that the settings name; None where they name none."""
        prefix = settings.credentials_env_prefix
        return cls(prefix) if prefix else None

    def get(self, ref: str) -> Credential:
        """Return what the variable holds.

        Raises:
            CredentialsMissingError: it is not set.
            CredentialsRefusedError: the reference is malformed, or the variable holds something else.
        """
        name = self._prefix + re.sub(r"[^A-Z0-9]", "_", checked_reference(ref).upper())
        text = self._environment.get(name)
        if text is None:
            raise CredentialsMissingError(ref, where=f"the environment as {name}")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            message = f"the variable {name} does not hold a JSON object of texts"
            raise CredentialsRefusedError(message, remedy="Set it to a JSON object of `username` and `token`.")
        return {key: item.encode() for key, item in value.items()}
