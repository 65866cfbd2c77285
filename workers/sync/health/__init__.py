"""Health of one object, computed from the object in hand: no history, no clock but the one given.

``storage`` alone makes a request: what an unbound claim's StorageClass says. Common rules come first, then the
registry's own (CEL or Lua), then the kind's; one file per family of kinds, and a table for the kinds of operators. The
rules follow Kubernetes' own notion of a finished rollout (``kubectl rollout status``) and kstatus
(sigs.k8s.io/cli-utils, ``pkg/kstatus/status/core.go``).
"""

from workers.sync.health.assess import assess, waits_for_health
from workers.sync.health.own import NO_RULES, Own, own_kinds, own_rules
from workers.sync.health.reading import Context

__all__ = [
    "NO_RULES",
    "Context",
    "Own",
    "assess",
    "own_kinds",
    "own_rules",
    "waits_for_health",
]
