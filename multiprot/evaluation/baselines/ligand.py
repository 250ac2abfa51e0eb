"""Small molecules as Morgan fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.optional import optional_module

FINGERPRINT_BITS: Final = 1024
FINGERPRINT_RADIUS: Final = 2


def morgan_fingerprints(smiles: Sequence[str]) -> NDArray[np.float32]:
    """Which circular neighbourhoods of atoms a molecule has (radius 2, 1,024 bits; ECFP4-like).

    Rogers and Hahn 2010, https://doi.org/10.1021/ci100050t, as RDKit makes them. A molecule that
    stands in many rows is read once.

    Parameters
    ----------
    smiles
        One for each row.

    Returns
    -------
    NDArray[np.float32]
        [row, 1024], each 0 or 1.

    Raises
    ------
    EvaluationError
        If RDKit is not installed, or cannot read a SMILES; names it and its row.
    """
    chem, generators, base = _rdkit()
    generator = generators.GetMorganGenerator(radius=FINGERPRINT_RADIUS, fpSize=FINGERPRINT_BITS)
    kinds = {text: number for number, text in enumerate(dict.fromkeys(smiles))}
    found = np.zeros((len(kinds), FINGERPRINT_BITS), dtype=np.float32)
    # RDKit prints its complaints; the error below is what the user needs.
    with base.BlockLogs():
        for text, number in kinds.items():
            molecule = chem.MolFromSmiles(text) if text.strip() else None
            if molecule is None:
                raise EvaluationError(
                    f"row {list(smiles).index(text)} (counted from 0) has the SMILES {text!r}, "
                    "which RDKit cannot read; correct it or leave the row out"
                )
            found[number] = generator.GetFingerprintAsNumPy(molecule)
    return found[[kinds[text] for text in smiles]]


def _rdkit() -> tuple[Any, Any, Any]:
    need, install = "ligands need the package rdkit", "'multiprot[ligand]'"
    chem, fingerprints, base = (
        optional_module(f"rdkit.{part}", need, install, error=EvaluationError)
        for part in ("Chem", "Chem.rdFingerprintGenerator", "rdBase")
    )
    return chem, fingerprints, base
