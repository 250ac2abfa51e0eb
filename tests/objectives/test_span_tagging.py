"""Tagging of spans: the focal loss, its weights, and what of a corpus decides the head."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    ObjectiveContext,
    ProteinBatch,
    ResidueTokens,
    SpanTargets,
    SpanVocabulary,
)
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.errors import ConfigError
from multiprot.objectives import span_tagging
from multiprot.objectives.configs import (
    DomainTaggingConfig,
    MotifTaggingConfig,
    RegionTaggingConfig,
)
from multiprot.objectives.domain_tagging import DomainTagging
from multiprot.objectives.motif_tagging import MotifTagging
from multiprot.objectives.region_tagging import RegionTagging
from multiprot.objectives.span_tagging import SpanTagging, effective_weights, focal_losses
from tests.fusion.fakes import SMALL, make_batch

LENGTHS = (9, 5, 7)
HEAD = 0
"""Seed of a head that guesses some tags of spans and not all."""
VOCABULARY = SpanVocabulary(
    kinds=("domain", "motif"),
    entries=(("domain", "a"), ("domain", "b"), ("domain", "rare"), ("motif", "m")),
    proteins=(20, 12, 2, 8),
    spans=(25, 12, 2, 9),
    singles=(0, 0, 0, 0),
    residues=(700, 60, 30, 45),
    known_residues=((("domain",), 2500), (("motif",), 900)),
)
SPANS = (
    # protein, start, stop, entry
    (0, 1, 5, 0),
    (0, 6, 9, 2),
    (2, 0, 3, 1),
    (1, 1, 3, 3),
)
TAGS = ((0, 1, 2, 2, 3, 0, -1, -1, -1), (-1,) * 9, (4, 5, 6, 0, 0, 0, 0, -1, -1))
"""Of the domains in `SPANS`; the second protein has a motif alone."""


def make_context(spans: SpanVocabulary | None = VOCABULARY) -> ObjectiveContext:
    return ObjectiveContext(width=SMALL.width, shared_dim=SMALL.shared_dim, spans=spans)


def make_targets(rows: Sequence[tuple[int, int, int, int]] = SPANS) -> SpanTargets:
    protein, start, stop, entry = torch.tensor(rows, dtype=torch.int64).reshape(-1, 4).T
    known = torch.zeros(len(LENGTHS), len(VOCABULARY.kinds), dtype=torch.bool)
    for row in rows:
        known[row[0], VOCABULARY.kinds.index(VOCABULARY.entries[row[3]][0])] = True
    whole = torch.ones(len(rows), dtype=torch.bool)
    kinds = [VOCABULARY.kinds.index(VOCABULARY.entries[row[3]][0]) for row in rows]
    kind = torch.tensor(kinds, dtype=torch.int64)
    return SpanTargets(protein, start, stop, kind, entry, stop - start, whole, whole, known)


def situation(
    spans: SpanTargets | None = None, *, without: tuple[int, int] | None = None
) -> tuple[FusionOutputs, ProteinBatch]:
    """Random tokens; at the place `without` the model has none, and behind the mask is NaN."""
    batch = replace(make_batch(LENGTHS), spans=make_targets() if spans is None else spans)
    mask = batch.residue_mask.clone()
    if without is not None:
        mask[without] = False
    values = torch.randn(*mask.shape, SMALL.width, generator=torch.Generator().manual_seed(0))
    values = torch.where(mask[..., None], values, math.nan).requires_grad_()
    outputs = FusionOutputs(
        sequence_tokens=None,
        structure_tokens=None,
        fused_tokens=ResidueTokens(values, mask),
        protein=torch.zeros(len(LENGTHS), SMALL.width),
        projected=torch.zeros(len(LENGTHS), SMALL.shared_dim),
    )
    return outputs, batch


def make_objective(vocabulary: SpanVocabulary | None = VOCABULARY, **options: Any) -> DomainTagging:
    """Its head is louder than a fresh one and knows no frequencies, so that guesses differ."""
    torch.manual_seed(HEAD)
    objective = DomainTagging(DomainTaggingConfig(**options), make_context(vocabulary))
    with torch.no_grad():
        objective.head.weight.mul_(20)
        objective.head.bias.zero_()
    return objective


def plain_scores(objective: SpanTagging, token: Tensor) -> list[float]:
    scores: list[float] = objective.head(objective.norm(token)).tolist()
    return scores


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("class_weights", ["effective", "none"])
@pytest.mark.parametrize("without", [None, (0, 2)])
def test_loss_and_metrics_are_those_of_one_residue_after_another(
    gamma: float, class_weights: str, without: tuple[int, int] | None
) -> None:
    objective = make_objective(focal_gamma=gamma, class_weights=class_weights)
    outputs, batch = situation(without=without)
    total, weight, right, inside, right_inside, common = 0.0, 0.0, [], 0, 0, 0
    for protein, tags in enumerate(TAGS):
        for residue, tag in enumerate(tags):
            if tag < 0 or (protein, residue) == without:
                continue
            scores = plain_scores(objective, outputs.fused_tokens.values[protein, residue])
            chance = math.exp(scores[tag]) / sum(map(math.exp, scores))
            own = objective.weights[tag].item()
            total += own * (1 - chance) ** gamma * -math.log(chance)
            weight += own
            right.append(scores[tag] == max(scores))
            inside += tag > 0
            right_inside += tag > 0 and right[-1]
            common += tag == 0
    assert 0 < right_inside < inside
    result = objective(outputs, batch)
    assert result.loss.item() == pytest.approx(total / weight, rel=1e-4)
    assert result.weight.item() == pytest.approx(weight, rel=1e-5)
    expected = {
        "accuracy": sum(right) / len(right),
        "baseline_accuracy": common / len(right),
        "inside": inside / len(right),
        "span_accuracy": right_inside / inside,
    }
    assert set(result.metrics) == set(expected)
    for name, value in expected.items():
        assert result.metrics[name].item() == pytest.approx(value, abs=1e-6), name


def test_gamma_nought_is_cross_entropy() -> None:
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * 4
    targets = torch.arange(50) % 7
    expected = functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(focal_losses(logits, targets, 0.0), expected)
    focused = focal_losses(logits, targets, 2.0)
    chances = logits.softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
    torch.testing.assert_close(focused, expected * (1 - chances) ** 2)
    assert (focused < expected).all()


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_gradients_are_finite_where_a_guess_is_sure(gamma: float) -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0]] * 3, requires_grad=True)
    losses = focal_losses(logits, torch.tensor([0, 1, 2]), gamma)
    assert losses.tolist() == pytest.approx([0.0, 300.0, 600.0])
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[0].any()
    assert logits.grad[1:].any(dim=1).all()


counts_of_tags = st.lists(st.integers(0, 10_000), min_size=2, max_size=9).filter(any)


@settings(max_examples=100)
@given(counts_of_tags, st.floats(0.0, 0.9999))
def test_weights_are_inverse_effective_numbers_and_one_in_the_mean(
    counts: list[int], beta: float
) -> None:
    """Cui et al. 2019: E_n = (1 − βⁿ) / (1 − β), which is 1 + β + β² + … of n terms."""
    weights = effective_weights(torch.tensor(counts, dtype=torch.float64), beta).double()
    assert weights.min() > 0
    mean = sum(n * w for n, w in zip(counts, weights.tolist(), strict=True)) / sum(counts)
    assert mean == pytest.approx(1, rel=1e-4)
    effective = [sum(beta**k for k in range(max(1, min(n, 3000)))) for n in counts]
    if max(counts) <= 3000:
        products = [w * e for w, e in zip(weights.tolist(), effective, strict=True)]
        assert products == pytest.approx([products[0]] * len(products), rel=1e-3)


def test_rare_tags_weigh_more_up_to_a_bound() -> None:
    counts = torch.tensor([100_000.0, 1000.0, 10.0, 1.0, 0.0], dtype=torch.float64)
    weights = effective_weights(counts, 0.99).tolist()
    assert weights[0] == pytest.approx(weights[1], rel=1e-3)
    assert weights[1] < weights[2] < weights[3] == weights[4]
    assert weights[3] / weights[0] == pytest.approx(100, rel=1e-3)
    assert torch.equal(effective_weights(counts, 0.0), torch.ones(5))


def test_the_weights_are_those_of_the_tags_of_the_corpus() -> None:
    objective = make_objective(effective_beta=0.9)
    ends = {0: 1710, 1: 25, 2: 650, 3: 25, 4: 12, 5: 36, 6: 12}
    expected = effective_weights(torch.tensor([*ends.values()], dtype=torch.float64), 0.9)
    torch.testing.assert_close(objective.weights, expected)
    assert torch.equal(make_objective(class_weights="none").weights, torch.ones(7))


def test_legacy_is_a_plain_focal_loss() -> None:
    """What the "equalized" loss of the released MASSA amounts to."""
    objective = make_objective(legacy=True, focal_gamma=0.0, class_weights="effective")
    outputs, batch = situation()
    known = [(p, r, t) for p, tags in enumerate(TAGS) for r, t in enumerate(tags) if t >= 0]
    losses = []
    for protein, residue, tag in known:
        scores = torch.tensor(
            plain_scores(objective, outputs.fused_tokens.values[protein, residue])
        )
        cross_entropy = -scores.log_softmax(dim=0)[tag]
        losses.append((1 - (-cross_entropy).exp()) ** 2 * cross_entropy)
    result = objective(outputs, batch)
    assert result.loss.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-4)
    assert result.weight == len(known)
    assert make_objective(focal_gamma=0.0)(outputs, batch).loss != result.loss


def test_a_protein_without_a_span_of_the_kind_counts_nothing() -> None:
    """What stands there is not looked at: nothing is known of it."""
    objective = make_objective()
    outputs, batch = situation()
    clean = objective(outputs, batch)
    moved = outputs.fused_tokens.values.detach().clone()
    moved[1] += 5.0
    other = replace(outputs, fused_tokens=replace(outputs.fused_tokens, values=moved))
    assert torch.equal(objective(other, batch).loss, clean.loss)
    moved[2] += torch.randn(SMALL.width)
    assert not torch.equal(objective(other, batch).loss, clean.loss)
    clean.loss.backward()
    gradient = outputs.fused_tokens.values.grad
    assert gradient is not None
    learns = gradient.any(dim=-1)
    assert learns.tolist() == [[tag >= 0 for tag in tags] for tags in TAGS]


@pytest.mark.parametrize("rows", [(), ((1, 1, 3, 3),)])
def test_without_a_span_of_the_kind_the_loss_is_nought_and_attached(
    rows: tuple[tuple[int, int, int, int], ...],
) -> None:
    outputs, batch = situation(make_targets(rows))
    for each in (batch, replace(batch, spans=None)):
        result = make_objective()(outputs, each)
        assert result.loss == 0
        assert result.weight == 0
        result.loss.backward()
        assert all(value == 0 for value in result.metrics.values())


def test_a_rare_span_is_left_out_whatever_else_there_is() -> None:
    objective = make_objective(min_proteins=2, class_weights="none")
    outputs, batch = situation()
    assert objective(outputs, batch).weight == 16
    assert make_objective(class_weights="none")(outputs, batch).weight == 13


@pytest.mark.parametrize("wanted", [("region",), ("domain", "site")])
def test_a_kind_that_the_corpus_lacks_is_refused_with_those_it_has(wanted: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=rf"{', '.join(wanted)}; the corpus has domain, motif;"):
        make_objective(kinds=wanted)


def test_a_corpus_without_spans_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"domain-tagging .*the corpus has none; .*--features"):
        make_objective(None)


def test_a_kind_without_a_frequent_span_is_refused() -> None:
    make_objective(min_proteins=20)
    with pytest.raises(ConfigError, match="no domain is in 21 train proteins; lower"):
        make_objective(min_proteins=21)


def test_no_kind_at_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="kinds"):
        DomainTaggingConfig(kinds=())


def test_the_corpus_decides_how_many_tags_there_are() -> None:
    """In the released MASSA the numbers of classes stand in the code."""
    assert make_objective().head.out_features == 1 + 3 * 2
    assert make_objective(min_proteins=1).head.out_features == 1 + 3 * 3
    assert make_objective(kinds=("domain", "motif")).head.out_features == 1 + 3 * 3
    larger = SpanVocabulary(
        kinds=("domain",),
        entries=tuple(("domain", f"{number:03d}") for number in range(40)),
        proteins=(9,) * 40,
        spans=(9,) * 40,
        singles=(0,) * 40,
        residues=(90,) * 40,
        known_residues=((("domain",), 900),),
    )
    assert make_objective(larger).head.out_features == 1 + 3 * 40


def test_no_number_of_classes_stands_in_the_code() -> None:
    for module in (
        span_tagging,
        *map(inspect.getmodule, (DomainTagging, MotifTagging, RegionTagging)),
    ):
        assert module is not None
        numbers = [
            node.value
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.Constant) and type(node.value) is int
        ]
        assert max(numbers, default=0) <= 2, module.__name__


def test_untrained_guesses_are_near_the_frequencies_of_the_corpus() -> None:
    torch.manual_seed(0)
    objective = DomainTagging(DomainTaggingConfig(), make_context())
    tokens = torch.randn(400, SMALL.width)
    guesses = objective.head(objective.norm(tokens)).softmax(dim=1).mean(dim=0)
    counts = torch.tensor([1710.0, 25, 650, 25, 12, 36, 12]) + 1
    torch.testing.assert_close(guesses, counts / counts.sum(), rtol=0.2, atol=0.01)


@pytest.mark.parametrize(
    ("name", "config", "kind"),
    [
        ("motif-tagging", MotifTaggingConfig, MotifTagging),
        ("domain-tagging", DomainTaggingConfig, DomainTagging),
        ("region-tagging", RegionTaggingConfig, RegionTagging),
    ],
)
def test_each_is_installed_as_an_entry_point(
    name: str, config: type, kind: type[SpanTagging]
) -> None:
    (point,) = entry_points(group="multiprot.objectives", name=name)
    plugin = point.load()
    assert isinstance(plugin, ObjectivePlugin)
    assert plugin.config is config
    (default,) = config().kinds
    assert name == f"{default}-tagging"
    vocabulary = replace(
        VOCABULARY, kinds=(default,), entries=((default, "a"),), proteins=(9,), spans=(9,)
    )
    vocabulary = replace(
        vocabulary, singles=(0,), residues=(90,), known_residues=((("domain",), 900),)
    )
    built = plugin.build(config(), make_context(vocabulary))
    assert type(built) is kind
    assert built.name == name
    assert built.needs == {"spans"}


@pytest.mark.parametrize("gamma", [0.5, 0.9, 2.0])
def test_a_certain_answer_has_a_finite_gradient(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    focal_losses(logits, torch.tensor([0]), gamma).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
