"""The documents of a registry as pydantic models: what may be written, its defaults and its description.

Private to the registry's parser; everything else speaks the frozen values of ``common.domain.fleet``. Optional fields
carry their default and a description, because the published JSON Schemas are made from these classes.
"""

from common.registry.schema.application import ApplicationDocument
from common.registry.schema.base import Base, Metadata
from common.registry.schema.core import ClusterDocument, ClusterGroupDocument, FleetDocument, ProjectDocument
from common.registry.schema.health import HealthRuleDocument
from common.registry.schema.rollouts import RolloutStrategyDocument, SyncWindowDocument

AnyDocument = (
    FleetDocument
    | ClusterDocument
    | ClusterGroupDocument
    | ApplicationDocument
    | RolloutStrategyDocument
    | SyncWindowDocument
    | ProjectDocument
    | HealthRuleDocument
)

MODELS: dict[str, type[AnyDocument]] = {
    "Fleet": FleetDocument,
    "Cluster": ClusterDocument,
    "ClusterGroup": ClusterGroupDocument,
    "Application": ApplicationDocument,
    "RolloutStrategy": RolloutStrategyDocument,
    "SyncWindow": SyncWindowDocument,
    "Project": ProjectDocument,
    "HealthRule": HealthRuleDocument,
}

__all__ = [
    "MODELS",
    "AnyDocument",
    "ApplicationDocument",
    "Base",
    "ClusterDocument",
    "ClusterGroupDocument",
    "FleetDocument",
    "HealthRuleDocument",
    "Metadata",
    "ProjectDocument",
    "RolloutStrategyDocument",
    "SyncWindowDocument",
]
