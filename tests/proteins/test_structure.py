"""Backbones: shapes, missing atoms, read-only arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from multiprot.errors import RecordError
from multiprot.proteins import BackboneStructure, Confidence
from multiprot.testing import example_records


def parts(residues: int = 3) -> dict[str, Any]:
    return {
        "coordinates": np.arange(residues * 15, dtype=np.float32).reshape(residues, 5, 3),
        "present": np.ones((residues, 5), dtype=bool),
        "chain_breaks": np.array([True] + [False] * (residues - 1)),
        "confidence": np.full(residues, 50.0, dtype=np.float32),
        "confidence_kind": Confidence.PLDDT,
    }


@pytest.mark.parametrize("field", ["coordinates", "present", "chain_breaks", "confidence"])
def test_a_wrong_shape_is_named(field: str) -> None:
    wrong = parts()
    wrong[field] = wrong[field][..., :2] if field == "coordinates" else wrong[field][:2]
    with pytest.raises(RecordError, match=field):
        BackboneStructure(**wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_present_and_coordinates_must_agree(value: float) -> None:
    wrong = parts()
    wrong["coordinates"][1, 2] = value
    with pytest.raises(RecordError, match="residue 2 atom C"):
        BackboneStructure(**wrong)
    wrong["present"][1, 2] = False
    if np.isnan(value):
        assert not BackboneStructure(**wrong).has_frame[1]
    else:
        with pytest.raises(RecordError, match="residue 2 atom C"):
            BackboneStructure(**wrong)


def test_the_last_residue_has_no_break_after_it() -> None:
    wrong = parts()
    wrong["chain_breaks"][-1] = True
    with pytest.raises(RecordError, match="last residue"):
        BackboneStructure(**wrong)


def test_arrays_are_copies_that_cannot_be_written() -> None:
    given = parts()
    structure = BackboneStructure(**given)
    given["coordinates"][0] = 0
    assert structure.coordinates[0, 1, 0] == 3.0
    with pytest.raises(ValueError, match="read-only"):
        structure.coordinates[0] = 0


def test_equality_looks_at_every_part() -> None:
    structure = BackboneStructure(**parts())
    assert structure == BackboneStructure(**parts())
    assert structure != "structure"
    for field in ("coordinates", "confidence"):
        other = parts()
        other[field] = other[field] + 1
        assert structure != BackboneStructure(**other)
    assert structure != BackboneStructure(**{**parts(), "confidence_kind": Confidence.NONE})


def test_a_crop_does_not_end_in_a_break() -> None:
    structure = BackboneStructure(**parts())
    assert structure.crop(0, 2).chain_breaks.tolist() == [True, False]
    assert structure.crop(0, 1).chain_breaks.tolist() == [False]
    assert len(structure.crop(0, 0)) == 0


def test_resolved_needs_any_atom_and_a_frame_needs_three() -> None:
    some = parts()
    some["present"][1] = [False, False, False, True, False]
    some["present"][2] = False
    some["coordinates"][~some["present"]] = np.nan
    structure = BackboneStructure(**some)
    assert structure.resolved.tolist() == [True, True, False]
    assert structure.has_frame.tolist() == [True, False, False]


def test_nanometres_are_noticed() -> None:
    """A real backbone in nm is refused; so is a single residue of it; in Å both are fine."""
    protein = example_records()[0].structure
    assert protein is not None
    for structure in (protein, protein.crop(3, 4)):
        with pytest.raises(RecordError, match=r"0\.1\d+.*nanometres: multiply them by 10"):
            replace(structure, coordinates=structure.coordinates / 10)
        assert replace(structure, coordinates=structure.coordinates * 1.1) is not None
