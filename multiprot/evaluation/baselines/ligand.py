"""Small molecules as Morgan fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError

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
    try:
        return (
            import_module("rdkit.Chem"),
            import_module("rdkit.Chem.rdFingerprintGenerator"),
            import_module("rdkit.rdBase"),
        )
    except ImportError as error:
        raise EvaluationError(
            f"ligands need the package rdkit ({error}); next: pip install 'multiprot[ligand]'"
        ) from None
