"""Fingerprints of small molecules."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import morgan_fingerprints


def test_a_molecule_is_what_it_is_however_it_is_written() -> None:
    pytest.importorskip("rdkit")
    found = morgan_fingerprints(["CCO", "OCC", "c1ccccc1", "CCO"])
    assert found.shape == (4, 1024)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[3])
    assert (found[0] != found[2]).any()
    assert set(np.unique(found)) == {0.0, 1.0}


def test_fingerprints_are_rdkits_own() -> None:
    chem = pytest.importorskip("rdkit.Chem")
    generators = pytest.importorskip("rdkit.Chem.rdFingerprintGenerator")
    smiles = "CC(=O)Oc1ccccc1C(=O)O"
    own = generators.GetMorganGenerator(radius=2, fpSize=1024)
    bits = list(own.GetFingerprint(chem.MolFromSmiles(smiles)).GetOnBits())
    np.testing.assert_array_equal(np.flatnonzero(morgan_fingerprints([smiles])[0]), bits)


@pytest.mark.parametrize("smiles", ["C1CC", "not a molecule", "", "  ", "C(C)(C)(C)(C)C"])
def test_what_is_no_molecule_is_named(smiles: str, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rdkit")
    with pytest.raises(EvaluationError) as caught:
        morgan_fingerprints(["CCO", smiles])
    assert repr(smiles) in str(caught.value)
    assert "row 1" in str(caught.value)
    assert capfd.readouterr().err == ""


def test_without_rdkit_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(EvaluationError, match=r"multiprot\[ligand\]"):
        morgan_fingerprints(["CCO"])
