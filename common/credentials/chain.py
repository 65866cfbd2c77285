"""All providers of this hub: a table of them, asked in order. To add one: its file, and ``register``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common.credentials.directory import DirectoryProvider
from common.credentials.environment import EnvironmentProvider
from common.credentials.provider import Credential, CredentialsMissingError, CredentialsProvider
from common.credentials.secrets import SecretProvider
from common.settings import Settings

Maker = Callable[[Settings], CredentialsProvider | None]
"""Returns a provider, or None where the settings do not ask for it."""
_MAKERS: list[Maker] = []


def register(make: Maker) -> None:
    """Add a provider behind those that are here: it is asked for what none of them knows.

    Raises:
        ValueError: it is there already.
    """
    if make in _MAKERS:
        message = f"the provider of credentials that {make!r} makes is there already"
        raise ValueError(message)
    _MAKERS.append(make)


class ChainProvider:
    """Several providers, asked in order; the first that knows a reference answers."""

    def __init__(self, providers: Sequence[CredentialsProvider]) -> None:
        self._providers = tuple(providers)

    def get(self, ref: str) -> Credential:
        """Return the first answer.

        Raises:
            CredentialsMissingError: none knows it; as the last one said it.
            CredentialsRefusedError: one knows it and refuses: the others are not asked.
        """
        missing = CredentialsMissingError(ref, where="any provider")
        for provider in self._providers:
            try:
                return provider.get(ref)
            except CredentialsMissingError as error:
                missing = error
        raise missing


def provider_from(settings: Settings) -> ChainProvider:
    """Return the providers that ``settings`` ask for, in their order."""
    made = (make(settings) for make in _MAKERS)
    return ChainProvider([provider for provider in made if provider is not None])


register(DirectoryProvider.from_settings)
register(EnvironmentProvider.from_settings)
register(SecretProvider.from_settings)
