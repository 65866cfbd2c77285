"""What of a live object is worth seeing at a glance, beside its health. Pure; objects may hold anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workers.inspect.texts import moment
from workers.sync.health.reading import items, number, section, text

MOST_IMAGES = 10
"""Of one object."""
_LONGEST = 300
_PODS = "Pod"


@dataclass(frozen=True, slots=True)
class Details:
    """What is told of one object.

    Attributes:
        created_at: as ISO 8601; empty where the cluster does not say.
        images: of its containers, with their tags; the first ones.
        node: that a pod runs on.
        restarts: of a pod's containers in all; None for other kinds.
        ready: pods of it, or containers of a pod, that are ready; None where it has none.
        wanted: how many of them should be.
        containers: names of a pod's, those that prepare it first.
        actions: what can be done to it now.
    """

    created_at: str = ""
    images: tuple[str, ...] = ()
    node: str = ""
    restarts: int | None = None
    ready: int | None = None
    wanted: int | None = None
    containers: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


NOTHING = Details()


def details_of(manifest: Mapping[str, Any]) -> Details:
    """Return the details of a live object, or of its metadata where no more was read."""
    metadata, spec, status = (section(manifest, name) for name in ("metadata", "spec", "status"))
    created = moment(text(metadata, "creationTimestamp"))
    if manifest.get("kind") == _PODS:
        return _pod(created, spec, status)
    images = tuple(_images(section(section(spec, "template"), "spec")))[:MOST_IMAGES]
    ready, wanted = _counts(spec, status)
    return Details(created_at=created, images=images, ready=ready, wanted=wanted)


def _pod(created: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Details:
    states = [*items(status, "containerStatuses")]
    first = [_short(text(one, "name")) for one in items(spec, "initContainers")]
    return Details(
        created_at=created,
        images=tuple(_images(spec))[:MOST_IMAGES],
        node=_short(text(spec, "nodeName")),
        restarts=sum(number(one, "restartCount") for one in states),
        ready=sum(one.get("ready") is True for one in states),
        wanted=len([*items(spec, "containers")]),
        containers=tuple([*first, *(_short(text(one, "name")) for one in items(spec, "containers"))][:MOST_IMAGES]),
    )


def _images(spec: Mapping[str, Any]) -> Iterator[str]:
    for one in items(spec, "containers"):
        if image := _short(text(one, "image")):
            yield image


def _counts(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return how many pods are ready, and how many should be, of what runs any."""
    if "desiredNumberScheduled" in status:
        return number(status, "numberReady"), number(status, "desiredNumberScheduled")
    if "replicas" in spec and "template" in spec:
        return number(status, "readyReplicas"), number(spec, "replicas")
    return None, None


def _short(words: str) -> str:
    return words[:_LONGEST]
