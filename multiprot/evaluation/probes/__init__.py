"""Simple models on frozen vectors, whose scores tell what the vectors are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.probes.probe import PROBES, FittedProbe, Probe, find_probe
    from multiprot.evaluation.probes.rows import Features, Problem, Rows, Score

_HOMES: Final = {
    "Features": "rows",
    "FittedProbe": "probe",
    "PROBES": "probe",
    "Probe": "probe",
    "Problem": "rows",
    "Rows": "rows",
    "Score": "rows",
    "find_probe": "probe",
}

__all__ = [
    "Features",
    "FittedProbe",
    "PROBES",
    "Probe",
    "Problem",
    "Rows",
    "Score",
    "find_probe",
]

__getattr__ = lazy_names(__name__, _HOMES)
