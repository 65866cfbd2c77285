"""Health: what an object in hand says of itself, by the rules of its kind and of its application."""

from workers.sync.health import Context, Own, assess, own_rules, waits_for_health
from workers.sync.health.storage import late_binding, late_classes

__all__ = ["Context", "Own", "assess", "late_binding", "late_classes", "own_rules", "waits_for_health"]
