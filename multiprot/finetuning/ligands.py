"""Fingerprints of the ligands of a table, which may hold some that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import morgan_fingerprints


def ligand_fingerprints(
    smiles: Iterable[str],
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Fingerprints by SMILES, and why others have none.

    Raises
    ------
    EvaluationError
        If RDKit is not installed.
    """
    # Without RDKit no ligand can be read, which is the fault of none of them.
    morgan_fingerprints([])
    found: dict[str, NDArray[np.float32]] = {}
    reasons: dict[str, str] = {}
    for text in dict.fromkeys(smiles):
        try:
            found[text] = morgan_fingerprints([text])[0]
        except EvaluationError:
            reasons[text] = f"RDKit cannot read the SMILES {text!r}; correct it or drop the row"
    return found, reasons
