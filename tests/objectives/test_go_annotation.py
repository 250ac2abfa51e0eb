"""GO annotation: calibrated yes or no per pair."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from multiprot.errors import ConfigError
from multiprot.objectives.configs import GoAnnotationConfig
from multiprot.objectives.go_annotation import GoAnnotation
from multiprot.objectives.go_terms import term_priors
from tests.fusion.fakes import TERMS, make_context, make_targets
from tests.objectives.test_go_contrast import situation

CONTEXT = make_context()


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("positive_weight", [1.0, 3.0])
@pytest.mark.parametrize("normalise", ["positives", "candidates"])
def test_equal_to_plain_loops(gamma: float, positive_weight: float, normalise: Any) -> None:
    config = GoAnnotationConfig(
        focal_gamma=gamma,
        positive_weight=positive_weight,
        normalise=normalise,
    )
    outputs, batch = situation()
    targets = batch.go
    assert targets is not None
    objective = GoAnnotation(config, CONTEXT)
    torch.nn.init.normal_(objective.offset)
    odds = (objective.log_odds + objective.offset).tolist()
    assert outputs.go_projected is not None
    cosines = (outputs.projected @ outputs.go_projected.T).tolist()
    total, true, pairs = 0.0, 0, 0
    for p in range(len(batch.ids)):
        for t in range(TERMS):
            if not targets.known[p, targets.namespaces[t]]:
                continue
            cosine = cosines[p][t]
            chance = 1 / (1 + math.exp(-(cosine / 0.2 + odds[t])))
            is_true = bool(targets.positive[p, t])
            truth = chance if is_true else 1 - chance
            loss = -math.log(truth) * (1 - truth) ** gamma
            total += loss * (positive_weight if is_true else 1)
            true, pairs = true + is_true, pairs + 1
    result = objective(outputs, batch)
    count = true if normalise == "positives" else pairs
    assert result.weight == count
    assert result.loss.item() == pytest.approx(total / count, rel=1e-3)


def test_the_first_prediction_is_the_label_frequency() -> None:
    objective = GoAnnotation(GoAnnotationConfig(), CONTEXT)
    terms = torch.arange(TERMS)
    scores = objective.scores(torch.zeros(2, 8), torch.randn(TERMS, 8), terms)
    frequencies = CONTEXT.term_frequencies
    assert frequencies is not None
    seen = frequencies > 0
    torch.testing.assert_close(scores.sigmoid()[0, seen], frequencies[seen])


def test_prior_loss_is_that_of_the_frequencies_alone() -> None:
    outputs, batch = situation()
    assert batch.go is not None
    objective = GoAnnotation(GoAnnotationConfig(normalise="candidates"), CONTEXT)
    known = batch.go.positive | batch.go.negative
    chances = term_priors(CONTEXT, "test").expand_as(known)
    expected = functional.binary_cross_entropy(chances[known], batch.go.positive[known].float())
    torch.testing.assert_close(objective(outputs, batch).metrics["prior_loss"], expected)


def test_pairs_of_an_unknown_namespace_have_no_gradient() -> None:
    outputs, batch = situation()
    targets = batch.go
    assert targets is not None
    cosines = torch.zeros(len(batch.ids), TERMS, requires_grad=True)
    one_hot = replace(outputs, projected=cosines, go_projected=torch.eye(TERMS))
    GoAnnotation(GoAnnotationConfig(), CONTEXT)(one_hot, batch).loss.backward()
    assert cosines.grad is not None
    known = targets.positive | targets.negative
    assert torch.equal(cosines.grad != 0, known)


@pytest.mark.parametrize(("share", "term"), [(0.25, 2), (0.6, 5)])
def test_trained_probabilities_are_calibrated(share: float, term: int) -> None:
    """With nothing to go by, the prediction becomes the share that is true."""
    positive = torch.zeros(40, TERMS, dtype=torch.bool)
    positive[: round(40 * share), term] = True
    targets = replace(
        make_targets(40), positive=positive, known=torch.ones(40, 3, dtype=torch.bool)
    )
    outputs, batch = situation(40, targets=targets)
    outputs = replace(outputs, projected=torch.zeros(40, 8))
    objective = GoAnnotation(GoAnnotationConfig(normalise="candidates"), CONTEXT)
    optimizer = torch.optim.Adam([objective.offset], lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        objective(outputs, batch).loss.backward()
        optimizer.step()
    assert outputs.go_projected is not None
    scores = objective.scores(outputs.projected, outputs.go_projected, targets.terms)
    assert scores.sigmoid()[0, term].item() == pytest.approx(share, abs=0.02)


def test_unseen_terms_are_rarer_than_all_seen_ones_yet_possible() -> None:
    priors = term_priors(CONTEXT, "test")
    frequencies = CONTEXT.term_frequencies
    assert frequencies is not None
    unseen = frequencies == 0
    assert unseen.any()
    assert (priors[unseen] > 0).all()
    assert priors[unseen].max() < frequencies[~unseen].min()
    assert torch.equal(priors[~unseen], frequencies[~unseen])


def test_a_term_true_of_all_keeps_finite_log_odds() -> None:
    context = replace(CONTEXT, term_frequencies=torch.ones(TERMS))
    assert GoAnnotation(GoAnnotationConfig(), context).log_odds.isfinite().all()


def test_a_corpus_without_annotation_is_refused() -> None:
    with pytest.raises(ConfigError, match="go-annotation"):
        GoAnnotation(GoAnnotationConfig(), replace(CONTEXT, term_frequencies=None))
