"""The project's rules, checked on the finished objects before anything touches the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.domain.fleet import Project
from common.domain.holds import Denial
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.errors import PolicyError
from workers.sync.objects.ordering import NAMESPACE
from workers.sync.plan.normalise import Normal


@dataclass(frozen=True, slots=True)
class _Placed:
    """An object, and whether it is in no namespace; None where the cluster does not say yet."""

    object: ObjectId
    of_cluster: bool | None


def check(normal: Normal, project: Project) -> None:
    """Return if the project allows every object.

    Whether a kind is cluster-scoped is what the cluster says. What it does not serve yet is looked at once it does.

    Raises:
        PolicyError: it does not; names every one that it refuses.
    """
    placed = [
        *(_Placed(one.object, of_cluster=not one.target.kind.namespaced) for one in normal.wanted),
        *(_Placed(one.object, of_cluster=None) for one in normal.unserved),
    ]
    denials = [f"{one.object} ({sentence(why)})" for one in placed for why in _denials(one, project)]
    if denials:
        raise PolicyError(project.name, denials)


def check_objects(objects: Iterable[ObjectId], project: Project) -> None:
    """Return if the project may change, or remove, every one of these objects that are on a cluster.

    Raises:
        PolicyError: it may not; names every one that it must not.
    """
    denials = [f"{one} ({sentence(why)})" for one in objects if (why := forbids(one, project))]
    if denials:
        raise PolicyError(project.name, denials)


def forbids(object_id: ObjectId, project: Project) -> Reason:
    """Return why a project may not change, or remove, an object that is on a cluster; ``NONE`` where it may."""
    return next(_denials(_Placed(object_id, of_cluster=not object_id.namespace), project), NONE)


def _denials(one: _Placed, project: Project) -> Iterator[Reason]:
    object_id = one.object
    kind = f"{object_id.group}/{object_id.kind}"
    if not project.allows_kind(object_id.group, object_id.kind):
        yield Reason(Denial.KIND, {"kind": kind})
    elif not project.allows_rights(object_id.group, object_id.kind):
        yield Reason(Denial.RIGHTS, {"kind": kind})
    elif one.of_cluster and not project.allows_cluster_kind(object_id.group, object_id.kind):
        needed = "namespaces.create" if (object_id.group, object_id.kind) == NAMESPACE else "clusterKinds.allow"
        yield Reason(Denial.CLUSTER_KIND, {"kind": kind, "needs": needed})
    elif object_id.namespace and not project.allows_namespace(object_id.namespace):
        yield Reason(Denial.NAMESPACE, {"namespace": object_id.namespace})
    elif (object_id.group, object_id.kind) == NAMESPACE and not project.allows_namespace(object_id.name):
        yield Reason(Denial.NAMESPACE, {"namespace": object_id.name})
