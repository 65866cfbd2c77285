"""Health: what an object in hand says of itself, by the rules of its kind and of the registry."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.cel import first
from common.rules import Evaluator
from common.sandbox.launch import Strictness
from common.settings import Settings
from workers.render.rules.evaluation import Expressions
from workers.render.sandbox import Bounds
from workers.sync.health import Context, Own, assess, own_rules, waits_for_health
from workers.sync.health.storage import late_binding, late_classes

__all__ = ["Context", "Own", "assess", "evaluating", "late_binding", "late_classes", "own_rules", "waits_for_health"]


@contextmanager
def evaluating(settings: Settings) -> Iterator[Evaluator]:
    """Give what evaluates rules on this machine: CEL in this process, Lua in confined ones that are ended after it."""
    confined = Expressions(Bounds(strictness=settings.sandbox or Strictness.WARN))
    try:
        yield Evaluator(first, confined.of("").lua)
    finally:
        confined.close()
