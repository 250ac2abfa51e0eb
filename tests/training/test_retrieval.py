"""Ranks of true terms among false ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data import BatchConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import TrainingParts
from multiprot.training.readout import readout_of, scores_of
from multiprot.training.retrieval import measure_retrieval, rank_terms


@given(st.integers(0, 2**31))
def test_ranks_equal_a_plain_count(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 6, (5, 30), generator=rng).float()
    positive = torch.rand(5, 30, generator=rng) < 0.2
    negative = ~positive & (torch.rand(5, 30, generator=rng) < 0.8)
    reciprocal, recall = rank_terms(scores, positive, negative)
    expected = [plain(*row) for row in zip(scores, positive, negative, strict=True)]
    expected = [pair for pair in expected if pair is not None]
    assert reciprocal.tolist() == pytest.approx([pair[0] for pair in expected])
    assert recall.tolist() == pytest.approx([pair[1] for pair in expected])


def plain(
    scores: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor
) -> tuple[float, float] | None:
    """One protein, by sorting (score, is false) pairs; a tie goes to the false term."""
    if not positive.any() or not negative.any():
        return None
    competing = [
        (-float(score), bool(true))
        for score, true, false in zip(scores, positive, negative, strict=True)
        if true or false
    ]
    ranked = [true for _, true in sorted(competing)]
    return 1 / (1 + ranked.index(True)), sum(ranked[:10]) / min(10, int(positive.sum()))


def test_unknown_terms_do_not_compete() -> None:
    scores = torch.tensor([[9.0, 1.0, 0.0]])
    positive = torch.tensor([[False, True, False]])
    assert rank_terms(scores, positive, torch.tensor([[False, False, True]]))[0].tolist() == [1.0]
    assert rank_terms(scores, positive, torch.tensor([[True, False, True]]))[0].tolist() == [0.5]


def test_frequency_ranks_do_not_depend_on_the_model(parts: TrainingParts) -> None:
    data = PretrainData(parts, BatchConfig(tokens_per_batch=512, crop_residues=64), seed=1)
    frequencies = torch.from_numpy(parts.labels.frequencies)
    scores = scores_of(parts)
    parts.model.eval()
    model, naive = measure_retrieval(parts.model, data.clean_valid_batches(), scores, frequencies)
    by_frequency = lambda _, __, terms: frequencies[terms].expand(len(_), -1)  # noqa: E731
    again, same = measure_retrieval(
        parts.model, data.clean_valid_batches(), by_frequency, frequencies
    )
    assert again == naive == same
    assert model.proteins == naive.proteins > 0


def test_readout_gives_the_log_odds_of_the_objective(parts: TrainingParts) -> None:
    objective = parts.objectives.objectives["go-annotation"]
    with torch.no_grad():
        objective.offset.normal_()
    readout = readout_of(parts)
    terms = torch.from_numpy(parts.labels.terms)
    proteins = torch.nn.functional.normalize(torch.randn(3, 16), dim=1)
    vectors = torch.nn.functional.normalize(torch.randn(len(terms), 16), dim=1)
    expected = objective.scores(proteins, vectors, terms).sigmoid()
    assert torch.allclose(readout.probabilities(proteins @ vectors.T), expected, atol=1e-5)
    assert readout.term_ids == tuple(parts.context.ontology.term_ids[t] for t in terms)
