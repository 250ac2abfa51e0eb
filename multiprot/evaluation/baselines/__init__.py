"""Vectors of proteins, residues, pairs and ligands that no model had to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.baselines.ligand import morgan_fingerprints
    from multiprot.evaluation.baselines.pairs import pair_features
    from multiprot.evaluation.baselines.registry import BASELINES, Baseline, find_baseline

_HOMES: Final = {
    "BASELINES": "registry",
    "Baseline": "registry",
    "find_baseline": "registry",
    "morgan_fingerprints": "ligand",
    "pair_features": "pairs",
}

__all__ = ["BASELINES", "Baseline", "find_baseline", "morgan_fingerprints", "pair_features"]

__getattr__ = lazy_names(__name__, _HOMES)
