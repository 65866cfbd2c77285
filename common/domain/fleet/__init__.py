"""The fleet as frozen values: what the registry declares, and the pure selection of placements from it.

Knows nothing of YAML, Git or SQL; what it holds has passed every check of the registry's parser.
"""

from common.domain.fleet.documents import (
    Application,
    ApplicationState,
    Cluster,
    ClusterGroup,
    ClusterState,
    Dependency,
    HealthRule,
    NotifyRule,
    Target,
)
from common.domain.fleet.placements import (
    Disposition,
    Fleet,
    Placement,
    disposition_of,
    parameters_digest,
    target_of,
)
from common.domain.fleet.policies import (
    AdoptPolicy,
    Amount,
    ConflictPolicy,
    Expect,
    IgnoreRule,
    LeavingBounds,
    OnUnmatch,
    PrunePolicy,
    SyncMode,
    SyncSettings,
    Unit,
)
from common.domain.fleet.projects import DEFAULT_PROJECT, Channel, Project, Role, glob_matches
from common.domain.fleet.rollouts import (
    ApprovalGate,
    Gate,
    JobGate,
    MetricGate,
    OnBreach,
    OnNewRevision,
    RolloutStrategy,
    SyncWindow,
    Unreachable,
    Wave,
    WindowRule,
)
from common.domain.fleet.selectors import EVERYTHING, Operator, Requirement, Scope, Selector
from common.domain.fleet.sources import (
    GitSource,
    HelmSource,
    OciSource,
    Ref,
    RefKind,
    Renderer,
    RenderSettings,
    Source,
)
from common.domain.fleet.values import ExplainedValue, ValueLayer, ValuePath, Where, explained, merged

__all__ = [
    "DEFAULT_PROJECT", "EVERYTHING", "AdoptPolicy", "Amount", "Application", "ApplicationState", "ApprovalGate",
    "Channel", "Cluster", "ClusterGroup", "ClusterState", "ConflictPolicy", "Dependency", "Disposition", "Expect",
    "ExplainedValue", "Fleet", "Gate", "GitSource", "HealthRule", "HelmSource", "IgnoreRule", "JobGate",
    "LeavingBounds", "MetricGate", "NotifyRule", "OciSource", "OnBreach", "OnNewRevision", "OnUnmatch", "Operator",
    "Placement", "Project", "PrunePolicy", "Ref", "RefKind", "RenderSettings", "Renderer", "Requirement", "Role",
    "RolloutStrategy", "Scope", "Selector", "Source", "SyncMode", "SyncSettings", "SyncWindow", "Target", "Unit",
    "Unreachable", "ValueLayer", "ValuePath", "Wave", "Where", "WindowRule", "disposition_of", "explained",
    "glob_matches", "merged", "parameters_digest", "target_of",
]  # fmt: skip
