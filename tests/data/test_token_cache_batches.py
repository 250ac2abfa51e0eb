"""Batches with cached tokens are the batches that the encoders would have been given."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.data import BatchConfig, Collator, Corpus, PlannedDataset, sweep
from multiprot.data.token_cache.reader import TokenReader
from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.plugin import Modality
from multiprot.fusion import FusionConfig, FusionModel
from tests.data.token_cache import filled, source_of

PlainBatches = Callable[..., BatchConfig]
ROWS = np.arange(12)


@pytest.fixture(scope="module")
def sources() -> tuple[Any, Any]:
    return source_of(), source_of(Modality.STRUCTURE)


@pytest.fixture
def readers(corpus: Corpus, tmp_path: Path, sources: tuple[Any, Any]) -> list[TokenReader]:
    return [TokenReader(filled(tmp_path, s, corpus)[0], s.inputs) for s in sources]


def batch_of(origins: Any, corpus: Corpus, config: BatchConfig, step: int = 3) -> ProteinBatch:
    return Collator(*origins, None, config)(corpus.read(ROWS), ROWS, step)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_model_gives_the_same_from_either(
    corpus: Corpus,
    plain_batches: PlainBatches,
    sources: tuple[Any, Any],
    readers: list[TokenReader],
    dropout: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = plain_batches(structure_dropout=dropout, sequence_dropout=dropout)
    torch.manual_seed(0)
    fusion = FusionConfig(width=8, layers=1, heads=2, pooling_heads=2, shared_dim=8)
    encoders = [source.encoder for source in sources]
    model = FusionModel(fusion, *encoders, None).eval()
    live = batch_of([encoder.featurizer for encoder in encoders], corpus, config)
    cached = batch_of(readers, corpus, config)
    for name in ("has_sequence", "has_structure", "residues"):
        assert torch.equal(getattr(live, name), getattr(cached, name)), name
    assert dropout == 0 or not live.has_sequence.all()
    expected = model(live)
    for encoder in encoders:
        monkeypatch.setattr(encoder, "forward", None)
    found = model(cached)
    for name in ("sequence_tokens", "structure_tokens", "fused_tokens"):
        one, other = getattr(expected, name), getattr(found, name)
        assert torch.equal(one.mask, other.mask), name
        torch.testing.assert_close(one.values, other.values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.projected, expected.projected, rtol=1e-4, atol=1e-5)


def test_what_is_withheld_is_not_in_the_batch(
    corpus: Corpus, plain_batches: PlainBatches, readers: list[TokenReader]
) -> None:
    batch = batch_of(readers, corpus, plain_batches(structure_dropout=0.5, sequence_dropout=0.5))
    for tokens, has in (
        (batch.sequence, batch.has_sequence),
        (batch.structure, batch.has_structure),
    ):
        assert isinstance(tokens, CachedTokens)
        assert torch.equal(tokens.mask.any(dim=1), has)
        assert not tokens.values[~has].any()


def test_crop_is_cut_out_of_the_whole(
    corpus: Corpus, plain_batches: PlainBatches, readers: list[TokenReader]
) -> None:
    config = plain_batches(crop_residues=30)
    batch = batch_of(readers, corpus, config)
    other = batch_of(readers, corpus, config, step=4)
    assert isinstance(batch.sequence, CachedTokens)
    assert isinstance(other.sequence, CachedTokens)
    assert batch.residues.shape[1] == 30
    assert not torch.equal(batch.sequence.values, other.sequence.values)
    for row, record in enumerate(corpus.read(ROWS)):
        whole, _ = readers[0].tokens(record)
        residues = int(batch.residue_mask[row].sum())
        part = batch.sequence.values[row, :residues]
        windows = whole.unfold(0, residues, 1).transpose(1, 2)
        assert (windows == part).all(dim=(1, 2)).any(), record.id


def test_collator_with_readers_pickles(
    corpus: Corpus, plain_batches: PlainBatches, readers: list[TokenReader]
) -> None:
    config = plain_batches()
    collator = Collator(*readers, None, config)
    dataset = PlannedDataset(corpus, sweep(corpus, config, ROWS), collator)
    before = dataset[0]
    after = pickle.loads(pickle.dumps(dataset))[0]  # noqa: S301
    assert torch.equal(before.sequence.values, after.sequence.values)
