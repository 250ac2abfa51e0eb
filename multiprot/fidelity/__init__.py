"""How much of a teacher a student keeps: the card that it is exported with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.fidelity.options import FidelityOptions, FidelityScoring
from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.fidelity.card import FidelityCard
    from multiprot.fidelity.facts import student_hash
    from multiprot.fidelity.measure import measure_fidelity
    from multiprot.fidelity.plan import FidelityPlan, parse_contest
    from multiprot.fidelity.requirement import read_card, require_fidelity

_HOMES: Final = {
    "FidelityCard": "card",
    "FidelityPlan": "plan",
    "measure_fidelity": "measure",
    "parse_contest": "plan",
    "read_card": "requirement",
    "require_fidelity": "requirement",
    "student_hash": "facts",
}

__all__ = [
    "FidelityCard",
    "FidelityOptions",
    "FidelityPlan",
    "FidelityScoring",
    "measure_fidelity",
    "parse_contest",
    "read_card",
    "require_fidelity",
    "student_hash",
]

__getattr__ = lazy_names(__name__, _HOMES)
