"""The search by a tree finds what the table of all distances finds."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from biotite.structure.alphabet.encoder import Encoder, PartnerIndexEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.proteins import UNDEFINED_STATE, fold_state_numbers, fold_states
from multiprot.proteins.fold_partners import Partners
from multiprot.testing.records import example_records, long_record


@settings(deadline=None)
@given(st.integers(5, 60), st.integers(0, 2**31), st.floats(0, 0.4))
def test_tree_and_table_agree(rows: int, seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    gone = rng.random(rows) < missing
    gone[1:3] = False
    places = np.ma.masked_array(rng.normal(0, 9, (rows, 3)), mask=np.repeat(gone[:, None], 3, 1))
    inner = ~gone
    inner[[0, -1]] = False
    table, tree = (
        way._find_residue_partners(places) for way in (PartnerIndexEncoder(), Partners())
    )
    assert np.array_equal(table[inner], tree[inner])


def test_two_residues_on_one_spot_are_partners() -> None:
    places = np.ma.masked_array(np.arange(18.0).reshape(6, 3) * 10, mask=np.zeros((6, 3), bool))
    places[3] = places[2]
    assert Partners()._find_residue_partners(places)[2:4].tolist() == [3, 2]


@pytest.mark.parametrize("record", example_records(), ids=lambda record: record.id)
def test_states_are_the_same_either_way(record, monkeypatch: pytest.MonkeyPatch) -> None:
    if record.structure is None:
        return
    tree = fold_state_numbers(record.structure)
    monkeypatch.setattr(fold_states, "_network", Encoder)
    assert np.array_equal(fold_state_numbers(record.structure), tree)


def test_a_chain_of_twenty_thousand_residues_takes_no_table() -> None:
    structure = long_record(20_000).structure
    tracemalloc.start()
    numbers = fold_state_numbers(structure)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (numbers < UNDEFINED_STATE).mean() > 0.9
    assert peak < 200e6, f"{peak:.2g} bytes; the table alone would be 3.2 GB"
