"""Health of one object, computed from the object in hand: no request, no history, no clock but the one given.

Common rules first, then the kind's own; one file per family of kinds. The rules follow Kubernetes' own notion of a
finished rollout (``kubectl rollout status``) and kstatus (sigs.k8s.io/cli-utils, ``pkg/kstatus/status/core.go``).
"""

from workers.sync.health.assess import assess, waits_for_health
from workers.sync.health.reading import Context

__all__ = ["Context", "assess", "waits_for_health"]
