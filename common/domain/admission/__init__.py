"""Whether a placement may be written to now: one pure decision, asked wherever a run is wished for, made or begun.

``docs/reference/admission.md`` holds the table that follows from the clauses of ``decision`` and from the ``gates``.
"""

from common.domain.admission.decision import Allow, Held, Permit, admit, changes_hands
from common.domain.admission.gates import FOR_PERSONS_OPEN, Gate, gates, is_gates, opens, register
from common.domain.admission.wishes import BY_PERSON, Wish

__all__ = [
    "BY_PERSON",
    "FOR_PERSONS_OPEN",
    "Allow",
    "Gate",
    "Held",
    "Permit",
    "Wish",
    "admit",
    "changes_hands",
    "gates",
    "is_gates",
    "opens",
    "register",
]
