"""Geometry of a batch, against records one by one."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data import BatchConfig, Collator
from multiprot.data.geometry_targets import geometry_targets
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import GeometryTargets, ProteinBatch
from multiprot.encoders.reference.backbone_graph import BackboneFeaturizer
from multiprot.encoders.reference.letters import LetterFeaturizer
from multiprot.proteins import ProteinRecord, backbone_dihedrals
from multiprot.testing import example_records

RECORDS = example_records()
STRUCTURED = [r for r in RECORDS if r.structure is not None and r.structure.present[:, 1].any()]
WHOLE = [(0, len(record)) for record in RECORDS]


def found(records: Any = RECORDS, crops: Any = None, draws: Any = None) -> GeometryTargets:
    targets = geometry_targets(
        records, crops or [(0, len(r)) for r in records], draws or range(len(records))
    )
    assert targets is not None
    return targets


def apart(places: torch.Tensor) -> torch.Tensor:
    """Å [residue, residue]."""
    return (places[:, None] - places).square().sum(dim=-1).sqrt()


def collate(records: Any, step: int = 0, **options: Any) -> ProteinBatch:
    parts = {"structure": BackboneFeaturizer(4), "training": True, "seed": 0, **options}
    config = BatchConfig(**parts.pop("config", {"crop_residues": None}))
    targets = BatchTargets(geometry=True)
    structure = parts.pop("structure")
    make = Collator(LetterFeaturizer("letters", None), structure, targets, config, **parts)
    names = [record.id for record in RECORDS]
    rows = np.array([names.index(record.id) for record in records])
    return make(records, rows, step)


def test_targets_are_those_of_each_record() -> None:
    targets = found()
    assert targets.alpha_carbons.shape == (len(RECORDS), 57, 3)
    assert targets.dihedrals.dtype == targets.alpha_carbons.dtype == torch.float32
    for row, record in enumerate(RECORDS):
        length, structure = len(record), record.structure
        assert not targets.alpha_known[row, length:].any()
        assert not targets.dihedrals_known[row, length:].any()
        if structure is None:
            assert not targets.alpha_known[row].any()
            continue
        seen, alpha = structure.present[:, 1], structure.coordinates[:, 1]
        assert targets.alpha_known[row, :length].tolist() == seen.tolist()
        places = targets.alpha_carbons[row, :length][targets.alpha_known[row, :length]]
        np.testing.assert_allclose(
            apart(places).numpy(),
            np.linalg.norm(alpha[seen][:, None] - alpha[seen], axis=-1),
            atol=1e-4,
        )
        expected = backbone_dihedrals(structure)
        defined = targets.dihedrals_known[row, :length].numpy()
        assert np.array_equal(defined, np.isfinite(expected))
        assert np.array_equal(targets.dihedrals[row, :length].numpy()[defined], expected[defined])
    assert not targets.dihedrals[~targets.dihedrals_known].any()
    assert not targets.alpha_carbons[~targets.alpha_known].any()


def test_no_angle_crosses_a_chain_break_or_a_missing_atom() -> None:
    """`mixed` is broken behind residue 40 and unresolved at 20 to 26; `partial` lacks N of 4."""
    known = found().dihedrals_known
    mixed, partial = known[1], known[2]
    assert mixed[40].tolist() == [True, False, False]
    assert mixed[41].tolist() == [False, True, True]
    assert not mixed[20:27].any()
    assert mixed[19].tolist() == [True, False, False]
    assert mixed[27].tolist() == [False, True, True]
    assert partial[3].tolist() == [True, False, False]
    assert partial[4].tolist() == [False, False, True]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_crop_cuts_and_changes_nothing_else(data: st.DataObject) -> None:
    crops = []
    for record in STRUCTURED:
        start = data.draw(st.integers(0, len(record) - 1))
        crops.append((start, data.draw(st.integers(start + 1, len(record)))))
    whole = found(STRUCTURED)
    cut = geometry_targets(STRUCTURED, crops, range(len(STRUCTURED)))
    if cut is None:
        for row, (start, stop) in enumerate(crops):
            assert not whole.alpha_known[row, start:stop].any()
        return
    for row, (start, stop) in enumerate(crops):
        size = stop - start
        for name in ("alpha_known", "dihedrals", "dihedrals_known"):
            part, all_of_it = getattr(cut, name)[row], getattr(whole, name)[row]
            assert torch.equal(part[:size], all_of_it[start:stop]), name
            assert not part[size:].any()
        known = cut.alpha_known[row, :size]
        here = cut.alpha_carbons[row, :size][known]
        there = whole.alpha_carbons[row, start:stop][known]
        torch.testing.assert_close(apart(here), apart(there), rtol=1e-5, atol=1e-4)


def test_where_a_protein_lies_is_not_told() -> None:
    """Far from the origin the digits of a distance are those that the coordinates have."""
    for far in (0.0, 512.0, 8192.0):
        records = []
        for record in STRUCTURED:
            structure = record.structure
            assert structure is not None
            # Multiples of 1/64 Å, which float32 holds exactly, here as there.
            grid = (np.round(structure.coordinates * 64) / 64 + far).astype(np.float32)
            records.append(replace(record, structure=replace(structure, coordinates=grid)))
        places = found(records).alpha_carbons
        if far == 0.0:
            first = places
        torch.testing.assert_close(places, first, rtol=0, atol=1e-5)


def test_without_structures_there_are_none() -> None:
    bare = [replace(record, structure=None) for record in RECORDS]
    assert geometry_targets(bare, WHOLE, range(len(bare))) is None
    blank = [record for record in RECORDS if record.id == "blank"]
    assert geometry_targets(blank, [(0, 9)], [0]) is None
    assert collate(bare).geometry is None


def test_they_are_made_only_where_they_are_asked_for() -> None:
    plain = Collator(LetterFeaturizer("letters", None), None, BatchTargets(), BatchConfig())
    assert plain(RECORDS, np.arange(len(RECORDS))).geometry is None


@pytest.mark.parametrize("structure", [BackboneFeaturizer(4), None], ids=["withheld", "no encoder"])
def test_geometry_is_known_where_the_structure_is_not_shown(structure: Any) -> None:
    config = {"crop_residues": None, "structure_dropout": 0.99}
    batch = collate(STRUCTURED, structure=structure, config=config)
    assert not batch.has_structure.all()
    assert batch.geometry is not None
    assert batch.geometry.alpha_known.any(dim=1).all()


def test_a_batch_holds_the_geometry_of_its_crops() -> None:
    config = {"crop_residues": 12, "structure_dropout": 0.0}
    for step in range(4):
        batch = collate(STRUCTURED, step, config=config)
        geometry = batch.geometry
        assert geometry is not None
        assert geometry.alpha_known.shape == batch.residues.shape
        features: Any = batch.structure
        assert torch.equal(features.mask, geometry.alpha_known[batch.residue_mask])
        # What the encoder is told of a crop lacks the angles at its ends.
        seen = features.dihedrals[:, 6:9].bool()
        assert not (seen & ~geometry.dihedrals_known[batch.residue_mask]).any()


def test_draws_follow_from_seed_step_and_row_alone() -> None:
    def draws(records: Any = STRUCTURED, **options: Any) -> list[int]:
        geometry = collate(records, **options).geometry
        assert geometry is not None
        return geometry.draws.tolist()

    together = draws()
    assert len(set(together)) == len(together)
    assert min(together) >= 0
    assert [draws([record])[0] for record in STRUCTURED] == together
    assert draws(STRUCTURED[::-1]) == together[::-1]
    assert not set(draws(step=1)) & set(together)
    assert not set(draws(seed=1)) & set(together)
    assert draws(training=False) == draws(training=False, step=9)
    assert draws(config={"crop_residues": 5, "structure_dropout": 0.9}) == together


def test_targets_travel() -> None:
    targets = found()
    for other in (
        targets.to(torch.device("cpu")),
        pickle.loads(pickle.dumps(targets)),  # noqa: S301
        targets.taken(torch.arange(len(RECORDS))),
    ):
        for name in GeometryTargets.__slots__:
            assert torch.equal(getattr(other, name), getattr(targets, name))
    moved = collate(STRUCTURED).to(torch.device("cpu")).geometry
    assert moved is not None
    assert isinstance(RECORDS[0], ProteinRecord)
    assert targets.taken(torch.tensor([2, 0])).draws.tolist() == [2, 0]
