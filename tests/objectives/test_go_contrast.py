"""Protein–GO contrast against plain loops, pytorch-metric-learning, and what must not matter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from multiprot.encoders.contract import FusionOutputs, GoTargets, ProteinBatch, ResidueTokens
from multiprot.errors import ConfigError
from multiprot.objectives.configs import GoContrastConfig
from multiprot.objectives.go_contrast import GoContrast, over_processes
from multiprot.objectives.numeric import NOTHING
from tests.fusion.fakes import TERMS, make_batch, make_context, make_targets

CONTEXT = make_context()


def situation(
    proteins: int = 6, seed: int = 0, targets: GoTargets | None = None
) -> tuple[FusionOutputs, ProteinBatch]:
    """Random unit vectors of proteins and terms, and targets."""
    rng = torch.Generator().manual_seed(seed)
    targets = make_targets(proteins, seed=seed) if targets is None else targets
    vectors = normalize(torch.randn(proteins, 8, generator=rng), dim=1).requires_grad_()
    terms = normalize(torch.randn(len(targets.terms), 8, generator=rng), dim=1).requires_grad_()
    batch = replace(make_batch((3,) * proteins), go=targets)
    tokens = ResidueTokens(torch.zeros(proteins, 3, 16), batch.residue_mask)
    outputs = FusionOutputs(
        sequence_tokens=None,
        structure_tokens=None,
        fused_tokens=tokens,
        protein=torch.zeros(proteins, 16),
        projected=vectors,
        go_terms=targets.terms,
        go_projected=terms,
    )
    return outputs, batch


def weights_of(config: GoContrastConfig) -> Tensor:
    frequencies = CONTEXT.term_frequencies
    assert frequencies is not None
    prior = torch.where(frequencies > 0, frequencies, 0.02 / 2)
    return -prior.log() if config.positives == "information" else torch.ones(TERMS)


def by_loops(
    config: GoContrastConfig, outputs: FusionOutputs, targets: GoTargets
) -> tuple[float, float]:
    """Both directions by the formula of the module, one pair at a time, in float64."""
    assert outputs.go_projected is not None
    frequencies = CONTEXT.term_frequencies
    assert frequencies is not None
    prior = torch.where(frequencies > 0, frequencies, 0.02 / 2).double()
    scores = outputs.projected.double() @ outputs.go_projected.double().T / config.temperature
    adjusted = scores + config.prior_correction * prior.log()[targets.terms]
    weights = weights_of(config)[targets.terms].double()
    of_proteins = []
    for p in range(len(scores)):
        false = targets.negative[p].nonzero().flatten().tolist()
        true = targets.positive[p].nonzero().flatten().tolist()
        if true and false:
            losses = [-adjusted[p, t] + adjusted[p, [t, *false]].logsumexp(0) for t in true]
            total = sum(weights[t] * loss for t, loss in zip(true, losses, strict=True))
            of_proteins.append(total / weights[true].sum())
    of_terms, term_weights = [], []
    for t in range(len(targets.terms)):
        false = targets.negative[:, t].nonzero().flatten().tolist()
        true = targets.positive[:, t].nonzero().flatten().tolist()
        if true and false:
            losses = [-scores[p, t] + scores[[p, *false], t].logsumexp(0) for p in true]
            of_terms.append(weights[t] * torch.stack(losses).mean())
            term_weights.append(weights[t])
    return (
        float(torch.stack(of_proteins).mean().detach()),
        float((torch.stack(of_terms).sum() / torch.stack(term_weights).sum()).detach()),
    )


@pytest.mark.parametrize("positives", ["uniform", "information"])
@pytest.mark.parametrize("prior_correction", [0.0, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_to_plain_loops(positives: Any, prior_correction: float, seed: int) -> None:
    config = GoContrastConfig(positives=positives, prior_correction=prior_correction)
    outputs, batch = situation(seed=seed)
    assert batch.go is not None
    result = GoContrast(config, CONTEXT)(outputs, batch)
    from_proteins, from_terms = by_loops(config, outputs, batch.go)
    assert result.metrics["protein_to_terms"].item() == pytest.approx(from_proteins, rel=1e-4)
    assert result.metrics["terms_to_proteins"].item() == pytest.approx(from_terms, rel=1e-4)
    assert result.loss.item() == pytest.approx((from_proteins + from_terms) / 2, rel=1e-4)


def test_equal_to_ntxent_of_pytorch_metric_learning_on_the_same_pairs() -> None:
    """Its mean is over pairs, so every protein gets the same number of positives."""
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    targets = make_targets(5)
    positive = torch.zeros(5, TERMS, dtype=torch.bool)
    for p in range(5):
        positive[p, [p, p + 3]] = True
    known = torch.ones(5, 3, dtype=torch.bool)
    known[1, (torch.arange(3) != 1 % 3) & (torch.arange(3) != 4 % 3)] = False
    targets = replace(targets, positive=positive, known=known)
    outputs, batch = situation(5, targets=targets)
    config = GoContrastConfig(positives="uniform", prior_correction=0, term_weight=0)
    ours = GoContrast(config, CONTEXT)(outputs, batch).loss
    pairs = (
        *targets.positive.nonzero(as_tuple=True),
        *targets.negative.nonzero(as_tuple=True),
    )
    theirs = losses.NTXentLoss(temperature=config.temperature)(
        outputs.projected, indices_tuple=pairs, ref_emb=outputs.go_projected
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_equal_to_supcon_of_pytorch_metric_learning_with_one_positive() -> None:
    """With more than one its denominators hold the other positives; ours do not."""
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    positive = torch.eye(5, TERMS, dtype=torch.bool)
    targets = replace(make_targets(5), positive=positive, known=torch.ones(5, 3, dtype=torch.bool))
    config = GoContrastConfig(positives="uniform", prior_correction=0, term_weight=0)

    def both(chosen: GoTargets) -> tuple[Tensor, Tensor]:
        outputs, batch = situation(5, targets=chosen)
        pairs = (
            *chosen.positive.nonzero(as_tuple=True),
            *chosen.negative.nonzero(as_tuple=True),
        )
        theirs = losses.SupConLoss(temperature=config.temperature)(
            outputs.projected, indices_tuple=pairs, ref_emb=outputs.go_projected
        )
        return GoContrast(config, CONTEXT)(outputs, batch).loss, theirs

    ours, theirs = both(targets)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    more = positive.clone()
    more[:, 7:] = True
    ours, theirs = both(replace(targets, positive=more))
    assert ours < theirs - 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_not_known_has_no_gradient(seed: int) -> None:
    """The score of a pair that is neither true nor known to be false moves nothing."""
    outputs, batch = situation(seed=seed)
    targets = batch.go
    assert targets is not None
    objective = GoContrast(GoContrastConfig(), CONTEXT)
    cosines = (outputs.projected @ outputs.go_projected.T).detach().requires_grad_()
    # Vectors that give exactly these cosines: protein p is row p, term t is unit vector t.
    one_hot = replace(outputs, projected=cosines, go_projected=torch.eye(TERMS))
    objective(one_hot, batch).loss.backward()
    assert cosines.grad is not None
    unknown = ~targets.positive & ~targets.negative
    assert not cosines.grad[unknown].any()
    assert (cosines.grad[targets.positive] <= 0).all()
    assert (cosines.grad[targets.negative] >= 0).all()


def test_a_true_term_is_in_no_other_terms_denominator() -> None:
    """With one true term changed, the loss of the others stays: gradient by finite change."""
    targets = replace(
        make_targets(1),
        positive=torch.tensor([[True, True, *[False] * (TERMS - 2)]]),
        known=torch.ones(1, 3, dtype=torch.bool),
    )
    objective = GoContrast(GoContrastConfig(positives="uniform", term_weight=0), CONTEXT)
    cosines = torch.zeros(1, TERMS)
    outputs, batch = situation(1, targets=targets)

    def loss_at(first: float) -> float:
        moved = cosines.clone()
        moved[0, 0] = first
        one_hot = replace(outputs, projected=moved, go_projected=torch.eye(TERMS))
        return float(objective(one_hot, batch).loss.detach())

    # As the first true term's score goes to infinity its own loss goes to zero; what remains is
    # half the loss of the second, which is not pushed away.
    prior = objective.log_prior
    others = torch.cat([prior[1:2], prior[2:]]).logsumexp(0)
    assert loss_at(50.0) == pytest.approx(float(others - prior[1]) / 2, rel=1e-4)


def test_a_protein_without_negatives_or_annotation_does_not_count() -> None:
    targets = make_targets(4)
    known = torch.ones(4, 3, dtype=torch.bool)
    positive = targets.positive.clone()
    positive[0] = True
    known[1] = False
    positive[1] = False
    positive[2, :2] = torch.tensor([True, False])
    positive[3, :2] = torch.tensor([True, False])
    targets = replace(targets, known=known, positive=positive)
    outputs, batch = situation(4, targets=targets)
    assert GoContrast(GoContrastConfig(), CONTEXT)(outputs, batch).weight == 2


def test_information_weights_quiet_the_terms_near_the_root() -> None:
    """The frequent term's gradient shrinks beside the rare one's."""
    targets = replace(
        make_targets(1),
        positive=torch.tensor([[True, *[False] * (TERMS - 2), True]]),
        known=torch.ones(1, 3, dtype=torch.bool),
    )
    outputs, batch = situation(1, targets=targets)
    shares = {}
    for positives in ("uniform", "information"):
        config = GoContrastConfig(positives=positives, term_weight=0, prior_correction=0)  # type: ignore[arg-type]
        cosines = torch.zeros(1, TERMS, requires_grad=True)
        one_hot = replace(outputs, projected=cosines, go_projected=torch.eye(TERMS))
        GoContrast(config, CONTEXT)(one_hot, batch).loss.backward()
        assert cosines.grad is not None
        shares[positives] = float(cosines.grad[0, 0] / cosines.grad[0, -1])
    assert shares["uniform"] == pytest.approx(1)
    assert shares["information"] == pytest.approx(math.log(0.9) / math.log(0.02), rel=1e-3)


def test_scores_are_what_the_softmax_sees() -> None:
    outputs, batch = situation()
    assert batch.go is not None
    assert outputs.go_projected is not None
    objective = GoContrast(GoContrastConfig(prior_correction=0.5), CONTEXT)
    terms = batch.go.terms
    scores = objective.scores(outputs.projected, outputs.go_projected, terms)
    expected = outputs.projected @ outputs.go_projected.T / 0.07 + 0.5 * objective.log_prior[terms]
    torch.testing.assert_close(scores, expected)


def test_terms_of_a_batch_may_be_any_rows_of_the_ontology() -> None:
    """The same candidates in a subset give the loss of the subset's own frequencies."""
    rows = torch.tensor([1, 4, 5, 9])
    outputs, batch = situation(targets=make_targets(6, terms=rows))
    assert batch.go is not None
    config = GoContrastConfig()
    result = GoContrast(config, CONTEXT)(outputs, batch)
    from_proteins, from_terms = by_loops(config, outputs, batch.go)
    assert result.loss.item() == pytest.approx((from_proteins + from_terms) / 2, rel=1e-4)


def test_a_corpus_without_annotation_is_refused() -> None:
    with pytest.raises(ConfigError, match="no GO annotation"):
        GoContrast(GoContrastConfig(), replace(CONTEXT, term_frequencies=None))
    with pytest.raises(ConfigError, match="no GO annotation"):
        GoContrast(GoContrastConfig(), replace(CONTEXT, term_frequencies=torch.zeros(TERMS)))


def test_over_processes_is_the_identity_in_one() -> None:
    terms = torch.tensor([2, 5, 9])
    log_negatives = torch.tensor([1.5, NOTHING, -3.0], requires_grad=True)
    joint, positives = over_processes(terms, log_negatives, torch.tensor([1, 0, 4]))
    torch.testing.assert_close(joint, log_negatives)
    assert positives.tolist() == [1, 0, 4]
    joint.sum().backward()
    assert log_negatives.grad is not None
    torch.testing.assert_close(log_negatives.grad, torch.ones(3))


def test_memory_grows_with_pairs_not_with_their_product() -> None:
    """64 proteins against 4,000 terms: the largest tensor is [protein, term]."""
    proteins, terms = 64, 4000
    positive = torch.rand(proteins, terms) < 0.01
    targets = GoTargets(
        torch.arange(terms), torch.arange(terms) % 3, positive, torch.ones(proteins, 3).bool()
    )
    outputs, batch = situation(proteins, targets=targets)
    context = replace(CONTEXT, term_frequencies=torch.full((terms,), 0.01))
    objective = GoContrast(GoContrastConfig(), context)
    largest = 0

    def watch(tensor: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(watch, lambda tensor: tensor):
        objective(outputs, batch).loss.backward()
    assert largest == proteins * terms
