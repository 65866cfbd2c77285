"""All providers of this hub, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common.credentials.directory import DirectoryProvider
from common.credentials.environment import EnvironmentProvider
from common.credentials.provider import Credential, CredentialsMissingError, CredentialsProvider
from common.credentials.secrets import SecretProvider
from common.settings import Settings

PROVIDERS: tuple[Callable[[Settings], CredentialsProvider | None], ...] = (
    DirectoryProvider.from_settings,
    EnvironmentProvider.from_settings,
    SecretProvider.from_settings,
)
"""Each returns a provider, or None where the settings do not ask for it."""


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
    made = (make(settings) for make in PROVIDERS)
    return ChainProvider([provider for provider in made if provider is not None])
