"""Bitbucket, in the cloud and in one's own data centre."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import MOST_REFS, Request, Secret, full_ref, items, member, push, texts
from console.api.hooks.proofs import hex_signed

_MOST_LINKS = 10


class Bitbucket:
    """``X-Hub-Signature``: HMAC-SHA256 of the body."""

    name = "bitbucket"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether the signature is right."""
        return hex_signed(request, secret, "x-hub-signature", prefix="sha256=")

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield the push of branches and tags, each in its own words."""
        changes = items(member(payload, "push", "changes"), MOST_REFS + 1)
        refs = [_named(member(one, "new") or member(one, "old")) for one in changes]
        refs += [member(one, "ref", "id") for one in items(payload.get("changes"), MOST_REFS + 1)]
        yield from push(_addresses(payload.get("repository")), refs)


def _named(ref: Any) -> Any:
    return full_ref(member(ref, "name"), member(ref, "type"))


def _addresses(repository: Any) -> tuple[str, ...]:
    """Return the addresses of a repository: the data centre names those to clone from, the cloud only its page.

    A page of the data centre, ``HOST/projects/KEY/repos/NAME/browse``, says where it is cloned from:
    ``HOST/scm/KEY/NAME`` by https, ``HOST/KEY/NAME`` by ssh.
    """
    links = member(repository, "links")
    pages = [member(links, "html", "href")]
    pages += [member(one, "href") for kind in ("clone", "self") for one in items(member(links, kind), _MOST_LINKS)]
    key, slug = member(repository, "project", "key"), member(repository, "slug")
    for page in texts(*pages):
        host, found, _ = page.partition("/projects/")
        if found and isinstance(key, str) and isinstance(slug, str):
            pages += [f"{host}/scm/{key}/{slug}".lower(), f"{host}/{key}/{slug}".lower()]
    return texts(*pages)
