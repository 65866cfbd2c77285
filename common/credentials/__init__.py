"""Credentials by reference: the port that everyone asks, and the providers, for scheduler, workers and console alike.

A credential is a mapping of keys to bytes, as in a Kubernetes Secret. Keys in use: ``username`` and ``password`` or
``token`` (Git over https, chart repositories, OCI registries), ``access-key``, ``secret-key`` and ``session-token``
(buckets), ``ca.crt`` (a private CA), ``ssh-privatekey`` and ``known_hosts`` (Git over ssh), ``kubeconfig`` (clusters).
No credential is written anywhere but where a provider is told to store it, and no provider knows sources, the database
or the fleet's clusters. To add a provider: write its file, and ``chain.register`` it.
"""

from common.credentials.chain import ChainProvider, provider_from
from common.credentials.directory import DirectoryProvider
from common.credentials.environment import EnvironmentProvider
from common.credentials.provider import (
    Credential,
    CredentialsMissingError,
    CredentialsProvider,
    CredentialsRefusedError,
    checked_reference,
)

__all__ = [
    "ChainProvider",
    "Credential",
    "CredentialsMissingError",
    "CredentialsProvider",
    "CredentialsRefusedError",
    "DirectoryProvider",
    "EnvironmentProvider",
    "checked_reference",
    "provider_from",
]
