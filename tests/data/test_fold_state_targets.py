"""3Di states of a batch, against records one by one, and of real structures against biotite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from biotite.structure import AtomArray
from biotite.structure.alphabet import to_3di
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.data import BatchConfig, Collator
from multiprot.data.fold_state_targets import fold_state_targets
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import NO_FOLD_STATE, ProteinBatch
from multiprot.encoders.reference.backbone_graph import BackboneFeaturizer
from multiprot.encoders.reference.letters import LetterFeaturizer
from multiprot.proteins import (
    BACKBONE_ATOMS,
    FOLD_STATE_LETTERS,
    UNDEFINED_STATE,
    ProteinRecord,
    fold_state_letters,
    fold_state_numbers,
    read_structure_file,
)
from multiprot.testing import example_records

RECORDS = example_records()


def found(records: Any = RECORDS, crops: Any = None) -> Tensor:
    states = fold_state_targets(records, crops or [(0, len(record)) for record in records])
    assert states is not None
    return states


def collate(
    records: Any = RECORDS, *, structure: Any = None, step: int = 0, **config: Any
) -> ProteinBatch:
    options = BatchConfig(**{"crop_residues": None, **config})
    targets = BatchTargets(fold_states=True)
    make = Collator(LetterFeaturizer("letters", None), structure, targets, options)
    return make(records, np.arange(len(records)), step)


def test_targets_are_those_of_each_record() -> None:
    states = found()
    assert states.shape == (len(RECORDS), 57)
    assert states.dtype == torch.int64
    assert (states >= 0).any()
    for row, record in enumerate(RECORDS):
        assert (states[row, len(record) :] == NO_FOLD_STATE).all()
        if record.structure is None:
            assert (states[row] == NO_FOLD_STATE).all()
            continue
        numbers = fold_state_numbers(record.structure)
        expected = np.where(numbers == UNDEFINED_STATE, NO_FOLD_STATE, numbers)
        assert states[row, : len(record)].tolist() == expected.tolist()


def test_beside_breaks_ends_and_missing_atoms_there_is_none() -> None:
    """`mixed` is broken behind residue 40 and unresolved at 20 to 26; `partial` lacks N of 4."""
    mixed, partial = found()[1], found()[2]
    for row in (0, *range(19, 28), 40, 41, 56):
        assert mixed[row] == NO_FOLD_STATE, row
    assert (partial[[0, 3, 4, 5, 30]] == NO_FOLD_STATE).all()
    # Only its CB is missing: it is built.
    structure = RECORDS[2].structure
    assert structure is not None
    assert structure.has_frame[24]
    assert fold_state_numbers(structure)[24] != -1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_crop_cuts_and_changes_nothing_else(data: st.DataObject) -> None:
    crops = []
    for record in RECORDS:
        start = data.draw(st.integers(0, len(record) - 1))
        crops.append((start, data.draw(st.integers(start + 1, len(record)))))
    whole, cut = found(), fold_state_targets(RECORDS, crops)
    for row, (start, stop) in enumerate(crops):
        part = whole[row, start:stop]
        if cut is None:
            assert (part == NO_FOLD_STATE).all()
        else:
            assert torch.equal(cut[row, : stop - start], part)
            assert (cut[row, stop - start :] == NO_FOLD_STATE).all()


def test_without_states_there_are_none() -> None:
    bare = [replace(record, structure=None) for record in RECORDS]
    assert fold_state_targets(bare, [(0, len(record)) for record in bare]) is None
    assert collate(bare).fold_states is None
    lone = [record for record in RECORDS if record.id in ("blank", "lone")]
    assert collate(lone).fold_states is None


def test_they_are_made_only_where_they_are_asked_for() -> None:
    plain = Collator(LetterFeaturizer("letters", None), None, BatchTargets(), BatchConfig())
    assert plain(RECORDS, np.arange(len(RECORDS))).fold_states is None


@pytest.mark.parametrize("structure", [BackboneFeaturizer(4), None], ids=["withheld", "no encoder"])
def test_states_are_known_where_the_structure_is_not_shown(structure: Any) -> None:
    batch = collate(structure=structure, structure_dropout=0.99)
    assert not batch.has_structure.all()
    assert batch.fold_states is not None
    assert torch.equal(batch.fold_states, found())


def test_a_batch_holds_the_states_of_its_crops() -> None:
    moved = 0
    for step in range(4):
        batch = collate(crop_residues=12, step=step)
        assert batch.fold_states is not None
        assert batch.fold_states.shape == batch.residues.shape
        assert (batch.fold_states[~batch.residue_mask] == NO_FOLD_STATE).all()
        whole = "".join(map(str, found()[0].tolist()))
        assert "".join(map(str, batch.fold_states[0].tolist())) in whole
        moved += len(set(batch.fold_states[1].tolist()))
    assert moved > 4


def test_states_travel_with_the_batch() -> None:
    batch = collate()
    moved = batch.to(torch.device("meta"))
    assert moved.fold_states is not None
    assert batch.fold_states is not None
    assert moved.fold_states.device.type == "meta"
    assert batch.fold_states.device.type == "cpu"


def biotites(record: ProteinRecord) -> str:
    """3Di letters of a chain without gaps by biotite alone."""
    structure = record.structure
    assert structure is not None
    which = np.argwhere(structure.present)
    atoms = AtomArray(len(which))
    atoms.coord = structure.coordinates[structure.present]
    atoms.res_id = which[:, 0] + 1
    atoms.atom_name = np.array(BACKBONE_ATOMS)[which[:, 1]]
    atoms.chain_id[:] = "A"
    return str(to_3di(atoms)[0][0]).upper()


def test_states_of_real_structures_are_biotites_letters(shared: Path) -> None:
    paths = sorted((shared / "data/pretrain/structures").glob("*.gz"))
    if not paths:
        pytest.skip(f"no structures in {shared}/data/pretrain")
    records = [read_structure_file(path)[0].record for path in paths[:: len(paths) // 30][:30]]
    states, whole = found(records), 0
    for row, record in enumerate(records):
        structure = record.structure
        assert structure is not None
        own = states[row, : len(record)].tolist()
        pairs = [pair for pair in zip(own, fold_state_letters(record), strict=True) if pair[0] >= 0]
        assert len(pairs) > 0.5 * len(record)
        assert all(FOLD_STATE_LETTERS[state] == letter for state, letter in pairs)
        if structure.has_frame.all() and not structure.chain_breaks.any():
            letters = biotites(record)
            for state, letter in zip(own, letters, strict=True):
                assert letter == (FOLD_STATE_LETTERS[state] if state >= 0 else "D")
            whole += 1
    assert whole > 5
