"""Packed batches: full, and together all there is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from multiprot.data.sequences import PackedPlan, Piece
from multiprot.errors import DataError

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)


def plan(lengths: list[int], **given: int | None) -> PackedPlan:
    wanted: dict[str, int | None] = {"tokens": 16, "crop": None, "seed": 0, **given}
    return PackedPlan(np.array(lengths, dtype=np.int64), **wanted)  # type: ignore[arg-type]


def covered(pieces: list[Piece]) -> Counter[tuple[int, int]]:
    return Counter((p.protein, place) for p in pieces for place in range(p.start, p.stop))


@given(lengths=LENGTHS, tokens=st.integers(1, 50), crop=st.none() | st.integers(1, 50))
def test_every_batch_is_full_and_no_residue_comes_twice(
    lengths: list[int], tokens: int, crop: int | None
) -> None:
    assume(sum(min(n, crop or n) for n in lengths) >= tokens)
    made = plan(lengths, tokens=tokens, crop=crop)
    batches = [made.pieces(step) for step in range(made.steps_per_epoch)]
    assert {sum(p.stop - p.start for p in batch) for batch in batches} == {tokens}
    seen = covered([piece for batch in batches for piece in batch])
    assert max(seen.values()) == 1
    cropped = [min(n, crop or n) for n in lengths]
    assert sum(cropped) - len(seen) < tokens
    assert all(0 <= place < lengths[protein] for protein, place in seen)
    residues = Counter(protein for protein, _ in seen)
    assert all(residues[protein] <= cropped[protein] for protein in residues)


@given(lengths=LENGTHS, seed=st.integers(0, 9))
def test_pieces_of_a_protein_meet(lengths: list[int], seed: int) -> None:
    assume(sum(lengths) >= 16)
    made = plan(lengths, seed=seed)
    whole: dict[int, list[int]] = {}
    for step in range(made.steps_per_epoch):
        for piece in made.pieces(step):
            whole.setdefault(piece.protein, []).extend(range(piece.start, piece.stop))
    for places in whole.values():
        assert places == list(range(places[0], places[0] + len(places)))


@given(lengths=LENGTHS, world_size=st.integers(1, 4))
def test_processes_share_out_the_batches_of_one(lengths: list[int], world_size: int) -> None:
    assume(sum(lengths) >= 16 * world_size)
    alone = plan(lengths)
    ranks = [plan(lengths, rank=rank, world_size=world_size) for rank in range(world_size)]
    steps = ranks[0].steps_per_epoch
    dealt = [rank.pieces(step) for step in range(steps) for rank in ranks]
    assert dealt == [alone.pieces(number) for number in range(steps * world_size)]


def test_epochs_differ_and_a_batch_is_a_function_of_its_step() -> None:
    lengths = list(range(5, 60))
    one, other = plan(lengths, crop=20), plan(lengths, crop=20)
    steps = one.steps_per_epoch
    first = [one.pieces(step) for step in range(2 * steps)]
    assert first[:steps] != first[steps:]
    for step in reversed(range(2 * steps)):
        assert other.pieces(step) == first[step]
    assert plan(lengths, crop=20, seed=1).pieces(0) != first[0]


def test_crops_reach_every_residue_in_time() -> None:
    made = plan([40, 40], tokens=20, crop=10)
    seen = covered([p for step in range(400) for p in made.pieces(step)])
    assert len(seen) == 80


def test_too_few_residues_are_an_error() -> None:
    with pytest.raises(DataError, match="2 proteins of 7 residues do not fill 1 batches of 16"):
        plan([3, 4])
