"""Sentences from codes: what is stored is a code with parameters, what people read is made here and nowhere else.

Each table of this package says its codes; ``common.domain.catalogue`` holds them all, and a gate brings its own
(``common.domain.admission.gates``). The codes themselves stand in ``common.domain.holds``, ``status``, ``codes``
and ``manifest_warnings``; ``docs/reference/reasons.md`` lists them.
"""

from __future__ import annotations

from common.domain import admission  # noqa: F401 -- the sentences of its gates
from common.domain.catalogue import Params, codes, nested, register, remedy, sentence, statement
from common.domain.reasons import answers, health, manifest_warnings, objects, placements, requests, runs, syncs
from common.domain.reasons.objects import together
from common.domain.reasons.placements import failure_sentence, hold_sentence, reason_sentence

__all__ = [
    "Params",
    "codes",
    "failure_sentence",
    "hold_sentence",
    "nested",
    "reason_sentence",
    "register",
    "remedy",
    "sentence",
    "statement",
    "together",
]

for _group in (placements, runs, requests, health, objects, syncs, manifest_warnings, answers):
    register(_group.SENTENCES)
