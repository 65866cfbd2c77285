"""Registries of images and artifacts: the CNCF's Distribution and what is built on it, Azure's, Harbor, Quay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.domain.pushes import Push
from console.api.hooks.kind import MOST_REFS, Request, Secret, items, member, push, texts
from console.api.hooks.proofs import same


class Oci:
    """``Authorization``: the secret itself, or behind ``Bearer``."""

    name = "oci"

    def proved(self, request: Request, secret: Secret) -> bool:
        """Return whether the header holds the secret."""
        given = request.headers.get("authorization", "")
        matches = (same(given, secret.text), same(given, b"Bearer " + secret.text))
        return any(matches)

    def signs(self, secret: Secret) -> bool:  # noqa: ARG002 - the protocol's
        """Return False."""
        return False

    def pushes(self, payload: Mapping[str, Any]) -> Iterable[Push]:
        """Yield each push of a tag, in the words of whichever registry sent it."""
        for event in items(payload.get("events"), MOST_REFS):
            yield from _distribution(event)
        yield from _distribution(payload)
        for resource in items(member(payload, "event_data", "resources"), MOST_REFS):
            tag, url = member(resource, "tag"), member(resource, "resource_url")
            yield from push(_image(url, tag), [tag])
        yield from push(_image(payload.get("docker_url")), items(payload.get("updated_tags"), MOST_REFS + 1))


def _distribution(event: Any) -> Iterable[Push]:
    target, host = member(event, "target"), member(event, "request", "host")
    name, tag = member(target, "repository"), member(target, "tag")
    if member(event, "action") == "push" and isinstance(host, str) and isinstance(name, str):
        yield from push(_image(f"{host}/{name}"), [tag])


def _image(image: Any, tag: Any = None) -> tuple[str, ...]:
    if not isinstance(image, str):
        return ()
    return texts(f"oci://{image.removesuffix(f':{tag}')}")
