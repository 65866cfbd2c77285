"""All kinds of webhooks. To add one: its file, and ``register``."""

from __future__ import annotations

from console.api.hooks.azure import AzureDevOps
from console.api.hooks.bitbucket import Bitbucket
from console.api.hooks.forgejo import Forgejo
from console.api.hooks.gitea import Gitea
from console.api.hooks.github import GitHub
from console.api.hooks.gitlab import GitLab
from console.api.hooks.kind import HookKind
from console.api.hooks.oci import Oci
from console.api.hooks.standard import Standard

KINDS: dict[str, HookKind] = {}
"""By name."""


def register(kind: HookKind) -> None:
    """Add a kind.

    Raises:
        ValueError: there is one of its name.
    """
    if kind.name in KINDS:
        message = f"there is a kind {kind.name!r} of webhooks already"
        raise ValueError(message)
    KINDS[kind.name] = kind


register(GitHub())
register(GitLab())
register(Gitea())
register(Forgejo())
register(Bitbucket())
register(AzureDevOps())
register(Oci())
register(Standard())
