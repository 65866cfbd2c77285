"""Gates: what keeps a placement from being written to although the registry wants it written.

A table of them, asked in order; the first that is closed holds the run, and its code and parameters are what is stored
and shown. A gate sees what the decision sees, the instant too, and decides for itself whether it is closed to a person
too. While it is closed, a sweep's hint is still looked at, and nothing is corrected; what it holds is asked for again
until it opens (``scheduler.planning.gated``). To add one: a ``Gate``, and ``register``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.domain import catalogue
from common.domain.admission.wishes import Wish
from common.domain.catalogue import Params
from common.domain.fleet import Placement, SyncMode
from common.domain.holds import Hold
from common.domain.status import NONE, Reason


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate.

    Attributes:
        code: of its hold.
        sentence: makes the sentence of the hold from its parameters.
        closed: returns the hold while the gate is closed to a wish; ``NONE`` while it is open.
    """

    code: str
    sentence: Callable[[Params], str]
    closed: Callable[[Wish, Placement], Reason]


FOR_PERSONS_OPEN = frozenset({Hold.PAUSED, Hold.MANUAL})
"""Holds of those that are open to a person: a sync or a check that somebody asks for goes through them."""


def _paused(wish: Wish, _: Placement) -> Reason:
    return Reason(Hold.PAUSED) if wish.paused and not wish.by_person else NONE


def _manual(wish: Wish, placement: Placement) -> Reason:
    waits = placement.sync.mode is SyncMode.MANUAL and not wish.by_person and not wish.begun
    return Reason(Hold.MANUAL) if waits else NONE


_GATES: list[Gate] = []


def register(gate: Gate) -> None:
    """Add a gate behind those that are here, and its sentence to the catalogue.

    Raises:
        ValueError: its code has a sentence already.
    """
    catalogue.register({gate.code: gate.sentence})
    _GATES.append(gate)


def gates() -> tuple[Gate, ...]:
    """Return every gate, in the order in which they are asked."""
    return tuple(_GATES)


def closed(wish: Wish, placement: Placement) -> Reason:
    """Return the hold of the first gate that is closed to a wish; ``NONE`` where all are open."""
    for gate in _GATES:
        if hold := gate.closed(wish, placement):
            return hold
    return NONE


def opens(wish: Wish, hold: Reason) -> bool:
    """Return whether the gates say something else to a wish of a placed one than ``hold``, which they said before."""
    return wish.placement is not None and closed(wish, wish.placement) != hold


def is_gates(hold: Reason) -> bool:
    """Return whether a hold is a gate's."""
    return any(gate.code == hold.code for gate in _GATES)


register(Gate(Hold.PAUSED, lambda _: "paused", _paused))
register(Gate(Hold.MANUAL, lambda _: "sync.mode is manual: waits for `flotilla sync`", _manual))
