"""The project's rules, checked on the finished objects before anything touches the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from common.domain.fleet import Project
from common.domain.refs import ObjectId
from workers.sync.errors import PolicyError
from workers.sync.ordering import NAMESPACE


def check(objects: Iterable[ObjectId], project: Project) -> None:
    """Return if the project allows every object.

    Raises:
        PolicyError: it does not; names every one that it refuses.
    """
    denials = [denial for object_id in objects for denial in _denials(object_id, project)]
    if denials:
        raise PolicyError(project.name, denials)


def _denials(object_id: ObjectId, project: Project) -> Iterator[str]:
    if not project.allows_kind(object_id.group, object_id.kind):
        yield f"{object_id} (kind {object_id.group}/{object_id.kind})"
    elif object_id.namespace and not project.allows_namespace(object_id.namespace):
        yield f"{object_id} (namespace {object_id.namespace})"
    elif (object_id.group, object_id.kind) == NAMESPACE and not project.allows_namespace(object_id.name):
        yield f"{object_id} (namespace {object_id.name})"
