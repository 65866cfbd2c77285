"""GitHub, and what sends as it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import Request, Secret, addressed, full_ref, member, push
from console.api.hooks.proofs import hex_signed

ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_url")


def repository_pushes(payload: Mapping[str, Any]) -> Iterable[Push]:
    """Yield the push of a payload with one ``repository`` and one ``ref``, as GitHub, Gitea and Forgejo send it."""
    ref = full_ref(payload.get("ref"), payload.get("ref_type"))
    yield from push(addressed(payload.get("repository"), *ADDRESSES), [ref])


class GitHub:
    """``X-Hub-Signature-256``: HMAC-SHA256 of the body."""

    name = "github"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether the signature is right."""
        return hex_signed(request, secret, "x-hub-signature-256", prefix="sha256=")

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return True."""
        return True

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield a push, the creation of a ref, or an image that was pushed to the server's registry."""
        yield from repository_pushes(payload)
        for event in ("registry_package", "package"):
            version = member(payload, event, "package_version")
            yield from image_push(member(version, "package_url"), member(version, "container_metadata", "tag", "name"))


def image_push(image: Any, tag: Any) -> Iterable[Push]:
    """Yield the push of a tag to ``HOST/NAME`` or ``HOST/NAME:TAG``."""
    if not isinstance(image, str) or not isinstance(tag, str):
        return
    yield from push(addressed({"image": f"oci://{image.removesuffix(f':{tag}')}"}, "image"), [tag])
