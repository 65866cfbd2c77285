"""The steps of a sync: stage by stage, wave by wave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from common.domain.codes import SyncReason
from common.domain.reasons import nested
from common.domain.status import Reason
from workers.sync.objects.ordering import NAMESPACE, sort_key
from workers.sync.plan.definitions import defined_by
from workers.sync.plan.normalise import Normal, Wanted
from workers.sync.plan.places import Place, Stage
from workers.sync.plan.unserved import Unserved

Turn = tuple[Stage, int]
REMOVAL = frozenset({Stage.PRE_DELETE, Stage.POST_DELETE})
_ORDERED = (Stage.PRE_SYNC, Stage.SYNC, Stage.POST_SYNC)


class Hooks(StrEnum):
    """Which hooks of a placement run."""

    NONE = "none"
    """As for drift."""
    FIRST = "first"
    """Those of its first sync."""
    LATER = "later"
    """Those of every other one."""


@dataclass(frozen=True, slots=True)
class WaveStep:
    """What is done together; the next step begins once all of it is healthy.

    Attributes:
        turn: stage and wave.
        objects: to be applied, in the given order.
        hooks: to be run, in order of kind and name.
        unserved: objects and hooks of kinds that the cluster does not serve yet.
    """

    turn: Turn
    objects: tuple[Wanted, ...] = ()
    hooks: tuple[Wanted, ...] = ()
    unserved: tuple[Unserved, ...] = ()

    @property
    def words(self) -> str:
        """What people call it: ``wave 0``, ``pre-sync wave 2``."""
        stage, wave = self.turn
        return f"wave {wave}" if stage is Stage.SYNC else f"{stage.words} wave {wave}"


@dataclass(frozen=True, slots=True)
class WavePlan:
    """All of one sync.

    Attributes:
        steps: in order; at least one.
        on_failure: hooks to be run when one of them fails.
    """

    steps: tuple[WaveStep, ...]
    on_failure: tuple[Wanted, ...] = ()

    @property
    def phases(self) -> Mapping[Stage, Sequence[Wanted]]:
        """The hooks of each stage, in the order of their waves."""
        found: dict[Stage, tuple[Wanted, ...]] = {Stage.SYNC_FAIL: self.on_failure}
        for step in self.steps:
            found[step.turn[0]] = (*found.get(step.turn[0], ()), *step.hooks)
        return found

    @property
    def simple(self) -> bool:
        """Whether there is nothing to wait for between writing the first object and the last."""
        return len(self.steps) == 1 and not self.steps[0].hooks and not self.steps[0].unserved

    def at(self, step: WaveStep, why: Reason) -> Reason:
        """Return why a sync does not go on at a step, with the step where there are several."""
        return why if self.simple else Reason(SyncReason.STEP, {"step": step.words, "why": nested(why)})


def objects_of(wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """Return what is no hook."""
    return tuple(one for one in wanted if not one.place.is_hook)


def steps_of(normal: Normal, runs: Hooks) -> WavePlan:
    """Return the steps of a sync.

    A Namespace comes no later than the first object in it, a CustomResourceDefinition no later than the first object
    of its kind.

    Args:
        normal: everything that was rendered.
        runs: which hooks run.
    """
    turns: dict[Turn, tuple[list[Wanted], list[Wanted]]] = {}
    on_failure: list[Wanted] = []
    for one, turn in _turns(normal.wanted, runs):
        if turn[0] in _ORDERED:
            turns.setdefault(turn, ([], []))[one.place.is_hook].append(one)
        elif turn[0] is Stage.SYNC_FAIL:
            on_failure.append(one)
    unserved: dict[Turn, list[Unserved]] = {}
    for missing in normal.unserved:
        for turn in _own_turns(missing.place, runs):
            if turn[0] in _ORDERED:
                unserved.setdefault(turn, []).append(missing)
    steps = []
    for turn in sorted(turns.keys() | unserved.keys()):
        objects, hooks = turns.get(turn, ([], []))
        steps.append(WaveStep(turn, tuple(objects), _sorted(hooks), tuple(unserved.get(turn, ()))))
    return WavePlan(tuple(steps) or (WaveStep((Stage.SYNC, 0)),), _sorted(on_failure))


def removal_steps(hooks: Sequence[Wanted]) -> WavePlan:
    """Return the steps before and after a removal: hooks alone, wave by wave."""
    turns: dict[Turn, list[Wanted]] = {}
    for one in hooks:
        for stage in one.place.later & REMOVAL:
            turns.setdefault((stage, one.place.wave), []).append(one)
    return WavePlan(tuple(WaveStep(turn, hooks=_sorted(turns[turn])) for turn in sorted(turns)))


def _sorted(hooks: Iterable[Wanted]) -> tuple[Wanted, ...]:
    return tuple(sorted(hooks, key=lambda one: (one.place.wave, sort_key(one.object))))


def _turns(wanted: Sequence[Wanted], runs: Hooks) -> Iterator[tuple[Wanted, Turn]]:
    """Yield each object with its turn; a hook once for each stage in which it runs now."""
    found = [(one, turn) for one in wanted for turn in _own_turns(one.place, runs)]
    needed = _needed(found)
    for one, turn in found:
        yield one, turn if one.place.is_hook else min(turn, needed.get(_given(one), turn))


def _own_turns(place: Place, runs: Hooks) -> Iterator[Turn]:
    """Yield the turn that an object has by itself; a hook's for each stage in which it runs now."""
    if not place.is_hook:
        yield (Stage.SYNC, place.wave)
    elif runs is not Hooks.NONE:
        stages = place.first if runs is Hooks.FIRST else place.later
        yield from ((stage, place.wave) for stage in sorted(stages))


def _needed(found: Iterable[tuple[Wanted, Turn]]) -> Mapping[tuple[str, ...], Turn]:
    """Return when each namespace and each kind is needed first."""
    needed: dict[tuple[str, ...], Turn] = {}
    for one, turn in found:
        if turn[0] not in _ORDERED:
            continue
        for what in ((one.object.namespace,), (one.object.group, one.object.kind)):
            needed[what] = min(turn, needed.get(what, turn))
    return needed


def _given(one: Wanted) -> tuple[str, ...]:
    """Return what others need of an object: a namespace, a kind, or nothing that anybody names."""
    if (one.object.group, one.object.kind) == NAMESPACE:
        return (one.object.name,)
    return defined_by(one) or ()
