"""GitLab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import Request, Secret, addressed, push
from console.api.hooks.proofs import SIGNING, same, standard_signed

_ADDRESSES = ("git_http_url", "git_ssh_url", "web_url", "http_url", "ssh_url", "homepage", "url")


class GitLab:
    """``webhook-signature`` where the secret is a signing token (``whsec_…``), else ``X-Gitlab-Token``."""

    name = "gitlab"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether the signature, or the token, is right; the secret says which."""
        if self.signs(secret):
            return standard_signed(request, secret)
        return same(request.headers.get("x-gitlab-token", ""), secret.text)

    def signs(self, secret: Secret) -> bool:
        """Return whether the secret is a signing token."""
        return secret.text.startswith(SIGNING)

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield the push of a branch or a tag."""
        addresses = (addressed(payload.get(part), *_ADDRESSES) for part in ("project", "repository"))
        yield from push(tuple(dict.fromkeys(one for some in addresses for one in some)), [payload.get("ref")])
