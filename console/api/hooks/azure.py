"""Azure DevOps."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import MOST_REFS, Request, Secret, addressed, items, member, push
from console.api.hooks.proofs import same


class AzureDevOps:
    """Basic authentication."""

    name = "azure-devops"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether user and password are right."""
        expected = base64.b64encode(secret.user + b":" + secret.text)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        return same(credentials.strip(), expected) and scheme.lower() == "basic"

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return False."""
        return False

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield a push."""
        repository = member(payload, "resource", "repository")
        addresses = addressed(repository, "remoteUrl", "webUrl", "sshUrl")
        updates = items(member(payload, "resource", "refUpdates"), MOST_REFS + 1)
        yield from push((*addresses, *_over_ssh(addresses)), [member(one, "name") for one in updates])


def _over_ssh(addresses: tuple[str, ...]) -> Iterable[str]:
    """Yield ``ssh://git@ssh.HOST/v3/ORG/PROJECT/NAME`` for each ``https://HOST/ORG/PROJECT/_git/NAME``."""
    for address in addresses:
        host, _, path = address.partition("://")[2].partition("/")
        project, found, name = path.partition("/_git/")
        if found:
            yield f"ssh://git@ssh.{host.rpartition('@')[2]}/v3/{project}/{name}"
