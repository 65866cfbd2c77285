"""Clusters: how they are reached and taken in, and what they say."""

from workers.kube import ClusterPool, Connection
from workers.kube.children import Child, Children, Event
from workers.kube.client import Client
from workers.kube.credentials import Access, access_from
from workers.kube.onboarding import Onboarding, Plan, Token, kubeconfig, plan_admin, plan_namespaces, plan_rules
from workers.kube.operator import operator_access
from workers.kube.pool import OWN
from workers.kube.route import Route, environments_route, route_by
from workers.sync.errors import ForbiddenError, UnauthorisedError, UnknownKindError
from workers.sync.objects.live import LiveMeta, by_id
from workers.sync.objects.marks import PLACEMENT_LABEL
from workers.sync.ports import ClusterPort, Target

__all__ = [
    "OWN",
    "PLACEMENT_LABEL",
    "Access",
    "Child",
    "Children",
    "Client",
    "ClusterPool",
    "ClusterPort",
    "Connection",
    "Event",
    "ForbiddenError",
    "LiveMeta",
    "Onboarding",
    "Plan",
    "Route",
    "Target",
    "Token",
    "UnauthorisedError",
    "UnknownKindError",
    "access_from",
    "by_id",
    "environments_route",
    "kubeconfig",
    "operator_access",
    "plan_admin",
    "plan_namespaces",
    "plan_rules",
    "route_by",
]
