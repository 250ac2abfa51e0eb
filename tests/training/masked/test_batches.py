"""Batches of hidden residues."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data.sequences import PackedPlan, SequenceShards
from multiprot.encoders.reference.letters import MASK
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.proteins import AMINO_ACIDS
from multiprot.training.masked.batches import MaskedDataset, hide_residues


@given(seed=st.integers(0, 2**32 - 1), rate=st.floats(0.01, 0.9), count=st.integers(1, 300))
def test_what_is_hidden_is_told_and_nothing_else_changes(
    seed: int, rate: float, count: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    residues = torch.randint(0, 26, (count,), generator=rng)
    residues[0] = 3
    batch = hide_residues(residues, torch.tensor([count]), MaskedResidueConfig(rate=rate), rng)
    assert 1 <= len(batch.hidden) <= count
    assert torch.equal(batch.targets, residues[batch.hidden])
    assert int(batch.targets.max()) < len(AMINO_ACIDS)
    others = torch.ones(count, dtype=torch.bool)
    others[batch.hidden] = False
    assert torch.equal(batch.letters[others], residues[others])


def test_shares_are_those_of_the_settings() -> None:
    residues = torch.randint(0, 20, (200_000,), generator=torch.Generator().manual_seed(0))
    config = MaskedResidueConfig(rate=0.15, substitute_share=0.1, keep_share=0.1)
    batch = hide_residues(
        residues, torch.tensor([200_000]), config, torch.Generator().manual_seed(1)
    )
    shown = batch.letters[batch.hidden]
    assert abs(len(batch.hidden) / 200_000 - 0.15) < 0.005
    assert abs(float((shown == MASK).float().mean()) - 0.8) < 0.02
    # A random letter is the right one in a twentieth of its cases.
    assert abs(float((shown == batch.targets).float().mean()) - 0.105) < 0.02


def test_nothing_but_unusual_letters_hides_nothing() -> None:
    residues = torch.full((5,), 20)
    batch = hide_residues(
        residues, torch.tensor([5]), MaskedResidueConfig(), torch.Generator().manual_seed(0)
    )
    assert not len(batch.hidden)
    assert torch.equal(batch.letters, residues)


def test_a_batch_is_a_function_of_its_number(shards: SequenceShards) -> None:
    split = shards.split("train")

    def dataset(rank: int = 0) -> MaskedDataset:
        plan = PackedPlan(split.lengths, tokens=256, crop=50, seed=0)
        return MaskedDataset(split, plan, MaskedResidueConfig(), (0, "train", rank))

    first, again = dataset()[3], dataset()[3]
    assert torch.equal(first.letters, again.letters)
    assert int(first.lengths.sum()) == len(first.letters) == 256
    assert not torch.equal(first.hidden, dataset()[4].hidden)
    assert not torch.equal(first.hidden, dataset(rank=1)[3].hidden)


def test_letters_are_those_of_the_proteins(shards: SequenceShards) -> None:
    split = shards.split("train")
    plan = PackedPlan(split.lengths, tokens=300, crop=None, seed=0)
    batch = MaskedDataset(split, plan, MaskedResidueConfig(), (0,))[0]
    whole = batch.letters.clone()
    whole[batch.hidden] = batch.targets
    expected = np.concatenate([split.residues(*piece) for piece in plan.pieces(0)])
    np.testing.assert_array_equal(whole.numpy(), expected)
