from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch

from multiprot.data import (
    BatchConfig,
    Collator,
    Corpus,
    GoLabels,
    PlannedBatches,
    PlannedDataset,
    batch_loader,
    sweep,
)
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import ProteinBatch

MakeConfig = Callable[..., BatchConfig]


def planned(corpus: Corpus, config: BatchConfig) -> PlannedDataset:
    labels = GoLabels.from_corpus(corpus, min_proteins=2)
    plan = PlannedBatches(corpus, config, seed=11)
    targets = BatchTargets(labels=labels)
    return PlannedDataset(corpus, plan, Collator(None, None, targets, config, seed=11))


def fingerprint(batches: Iterable[ProteinBatch]) -> list[tuple[object, ...]]:
    return [
        (b.ids, b.residues.tolist(), None if b.go is None else b.go.positive.tolist())
        for b in batches
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_do_not_depend_on_workers(
    corpus: Corpus, plain_batches: MakeConfig, workers: int
) -> None:
    alone, helped = (
        plain_batches(crop_residues=30, tokens_per_batch=300, workers=number)
        for number in (0, workers)
    )
    expected = fingerprint(batch_loader(planned(corpus, alone), alone, start=0, stop=9))
    found = fingerprint(batch_loader(planned(corpus, helped), helped, start=0, stop=9))
    assert len(found) == 9
    assert found == expected


def test_a_resumed_loader_goes_on_where_it_was(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(crop_residues=30, tokens_per_batch=300)
    straight = fingerprint(batch_loader(planned(corpus, config), config, start=0, stop=12))
    resumed = fingerprint(batch_loader(planned(corpus, config), config, start=7, stop=12))
    assert resumed == straight[7:]


def test_loading_leaves_the_global_random_state_alone(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    list(batch_loader(planned(corpus, plain_batches()), plain_batches(), start=0, stop=4))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002


def test_a_sweep_is_a_plan_too(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches()
    batches = sweep(corpus, config, corpus.rows("valid"))
    dataset = PlannedDataset(corpus, batches, Collator(None, None, None, config, training=False))
    loaded = batch_loader(dataset, config, start=0, stop=len(batches))
    ids = [protein for batch in loaded for protein in batch.ids]
    assert sorted(ids) == sorted(corpus.ids[row] for row in corpus.rows("valid"))


def test_an_error_in_a_worker_arrives(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(workers=1)
    dataset = PlannedDataset(corpus, [np.array([999])], Collator(None, None, None, config))
    with pytest.raises(Exception, match="row 999 is outside"):
        list(batch_loader(dataset, config, start=0, stop=1))
