"""Batches follow from seed, number and process alone."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
import torch

from multiprot.data import BatchConfig
from multiprot.encoders.contract import ProteinBatch
from multiprot.errors import TrainingError
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import TrainingParts


@dataclass
class StandIn:
    """What the data asks of a trainer."""

    global_step: int = 0
    accumulate_grad_batches: int = 1
    global_rank: int = 0
    world_size: int = 1


def data_of(
    parts: TrainingParts, *, workers: int = 0, tokens: int = 512, seed: int = 5, **trainer: int
) -> PretrainData:
    options = BatchConfig(
        tokens_per_batch=tokens, crop_residues=64, go_candidates="batch", workers=workers
    )
    data = PretrainData(parts, options, seed=seed)
    data.trainer = StandIn(**trainer)
    return data


def same(one: ProteinBatch, other: ProteinBatch) -> bool:
    return one.ids == other.ids and pickle.dumps(leaves(one)) == pickle.dumps(leaves(other))


def leaves(batch: ProteinBatch) -> list[Any]:
    tensors = [batch.residues, batch.has_sequence, batch.has_structure, batch.masked_residues]
    tensors += [] if batch.go is None else [batch.go.terms, batch.go.positive]
    features = [getattr(batch.sequence, name, None) for name in ("residues", "tokens", "letters")]
    return [t.numpy().tobytes() for t in tensors + features if isinstance(t, torch.Tensor)]


def first(loader: Iterator[ProteinBatch], count: int) -> list[ProteinBatch]:
    return list(islice(iter(loader), count))


@pytest.mark.parametrize(("step", "accumulate"), [(3, 1), (2, 2)])
def test_loader_of_a_resumed_run_begins_at_its_step(
    parts: TrainingParts, step: int, accumulate: int
) -> None:
    whole = first(data_of(parts).train_dataloader(), 6)
    resumed = data_of(parts, global_step=step, accumulate_grad_batches=accumulate)
    later = first(resumed.train_dataloader(), 6 - step * accumulate)
    assert all(map(same, whole[step * accumulate :], later))


def test_workers_change_nothing_and_leave_ctrl_c_to_the_main_process(parts: TrainingParts) -> None:
    alone = first(data_of(parts).train_dataloader(), 4)
    before = signal.getsignal(signal.SIGINT)
    helped = first(data_of(parts, workers=1).train_dataloader(), 4)
    assert all(map(same, alone, helped))
    assert signal.getsignal(signal.SIGINT) is before


def test_seed_and_process_change_the_batches(parts: TrainingParts) -> None:
    one = first(data_of(parts).train_dataloader(), 1)[0]
    assert not same(one, first(data_of(parts, seed=6).train_dataloader(), 1)[0])
    ranks = [data_of(parts, global_rank=rank, world_size=2).train_dataloader() for rank in range(2)]
    ids = [set(first(loader, 1)[0].ids) for loader in ranks]
    assert not ids[0] & ids[1]


def test_making_and_using_loaders_leaves_the_global_generator_alone(parts: TrainingParts) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    data = data_of(parts)
    first(data.train_dataloader(), 2)
    first(data.val_dataloader(), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_valid_loader_shows_every_protein_once_and_always_alike(parts: TrainingParts) -> None:
    data = data_of(parts)
    batches = list(data.val_dataloader())
    corpus = parts.corpus
    expected = sorted(corpus.ids[row] for row in corpus.rows("valid"))
    assert sorted(name for batch in batches for name in batch.ids) == expected
    assert all(map(same, batches, data.val_dataloader()))
    assert all(batch.has_sequence.all() for batch in batches)
    assert all(batch.masked_residues is not None for batch in batches)


def test_valid_batches_of_two_processes_are_as_many_and_apart(parts: TrainingParts) -> None:
    ranks = [
        list(data_of(parts, tokens=128, global_rank=rank, world_size=2).val_dataloader())
        for rank in range(2)
    ]
    assert len(ranks[0]) == len(ranks[1]) > 0
    ids = [{name for batch in batches for name in batch.ids} for batches in ranks]
    assert not ids[0] & ids[1]


def test_clean_batches_hide_nothing_and_name_the_whole_vocabulary(parts: TrainingParts) -> None:
    for batch in data_of(parts).clean_valid_batches():
        assert batch.masked_residues is None
        if batch.go is not None:
            assert batch.go.terms.tolist() == parts.labels.terms.tolist()


def test_loader_needs_a_trainer(parts: TrainingParts) -> None:
    with pytest.raises(TrainingError, match="attach the data"):
        PretrainData(parts, BatchConfig(), seed=1).train_dataloader()


def test_valid_split_too_small_for_the_processes_is_refused(parts: TrainingParts) -> None:
    with pytest.raises(TrainingError, match=r"1 batches for 2 processes; lower"):
        data_of(parts, tokens=4096, world_size=2).val_dataloader()
