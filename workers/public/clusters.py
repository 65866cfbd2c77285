"""Clusters: how they are reached and taken in, and what they say."""

from workers.kube import ClusterPool, Connection
from workers.kube.client import Client
from workers.kube.credentials import Access, access_from
from workers.kube.onboarding import Onboarding, Plan, Token, kubeconfig, plan_admin, plan_namespaces, plan_rules
from workers.kube.operator import operator_access
from workers.kube.pool import OWN
from workers.kube.route import Route, environments_route, route_by
from workers.sync.errors import ForbiddenError, UnauthorisedError, UnknownKindError
from workers.sync.ports import Target

__all__ = [
    "OWN",
    "Access",
    "Client",
    "ClusterPool",
    "Connection",
    "ForbiddenError",
    "Onboarding",
    "Plan",
    "Route",
    "Target",
    "Token",
    "UnauthorisedError",
    "UnknownKindError",
    "access_from",
    "environments_route",
    "kubeconfig",
    "operator_access",
    "plan_admin",
    "plan_namespaces",
    "plan_rules",
    "route_by",
]
