"""The entry point `mini`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from multiprot.student import shipped_student

WEIGHTS: Final = Path(__file__).parent / "weights"
"""Folder of the student: shape, tensors in bfloat16, card, and hashes of what it learnt from."""

mini: Final = shipped_student(
    name="mini",
    summary="A small transformer over residues that brings its weights; needs no network",
    weights=WEIGHTS,
    weights_license="Apache-2.0",
)
"""The model as its entry point names it."""
