"""Pairwise distances: which pairs count, and loss and gradients against plain loops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from multiprot.encoders.contract import FusionOutputs, ObjectiveResult, ProteinBatch
from multiprot.objectives import pair_head, plugins
from multiprot.objectives.configs import PairwiseDistanceConfig
from multiprot.objectives.pair_head import PairHead
from multiprot.objectives.pairwise_distance import PairwiseDistance, Residues, drawn_pairs
from multiprot.testing import ObjectiveSuite
from tests.fusion.fakes import make_batch, make_context, make_geometry, make_model, take

LENGTHS = (9, 5, 12, 7)


class TestDrawnPairs(ObjectiveSuite):
    """The suite on drawn pairs; its proteins are so small that else all are taken."""

    plugin = plugins.pairwise_distance

    def tiny_config(self) -> PairwiseDistanceConfig:
        return PairwiseDistanceConfig(pairs=40)


class TestLegacy(ObjectiveSuite):
    plugin = plugins.pairwise_distance

    def tiny_config(self) -> PairwiseDistanceConfig:
        return PairwiseDistanceConfig(legacy=True)


def objective(**options: Any) -> PairwiseDistance:
    torch.manual_seed(0)
    return PairwiseDistance(PairwiseDistanceConfig(**options), make_context())


def batch_of(lengths: tuple[int, ...] = LENGTHS, **options: Any) -> ProteinBatch:
    batch = make_batch(lengths, **options)
    return replace(batch, geometry=make_geometry(batch))


def outcome(chosen: PairwiseDistance, batch: ProteinBatch) -> ObjectiveResult:
    result: ObjectiveResult = chosen(make_model()(batch), batch)
    return result


def gradients(
    chosen: PairwiseDistance, outputs: FusionOutputs, batch: ProteinBatch
) -> list[Tensor]:
    """Of the head and of the tokens."""
    tokens = outputs.fused_tokens.values.detach().requires_grad_()
    seen = replace(outputs, fused_tokens=replace(outputs.fused_tokens, values=tokens))
    return list(torch.autograd.grad(chosen(seen, batch).loss, [tokens, *chosen.parameters()]))


def pairs_of(batch: ProteinBatch, config: PairwiseDistanceConfig) -> Iterator[tuple[int, int, int]]:
    """Protein and residues of each pair that counts, where all are wanted."""
    geometry = batch.geometry
    assert geometry is not None
    for protein, shown in enumerate(batch.has_structure.tolist()):
        known = geometry.alpha_known[protein].nonzero().squeeze(1).tolist()
        for i in known:
            for j in known:
                near = math.dist(*geometry.alpha_carbons[protein, [i, j]].tolist())
                given_away = shown and near < (config.given_away or 0)
                if config.legacy or (i < j and not given_away and (shown or config.from_sequence)):
                    yield protein, i, j


def slow(chosen: PairwiseDistance, outputs: FusionOutputs, batch: ProteinBatch) -> dict[str, float]:
    """Loss and metrics, pair by pair."""
    geometry, config = batch.geometry, chosen.config
    assert geometry is not None
    by_protein: dict[int, list[tuple[float, int, int]]] = {}
    for protein, i, j in pairs_of(batch, config):
        h = outputs.fused_tokens.values[protein]
        hidden = (chosen.head.first.weight @ (h[i] - h[j]) ** 2 + chosen.head.first.bias).clamp(
            min=0
        )
        scores = chosen.head.last.weight @ hidden + chosen.head.last.bias
        near = math.dist(*geometry.alpha_carbons[protein, [i, j]].tolist())
        true = min(math.floor(near / config.bin_width), config.bins - 1)
        loss = -float(scores.log_softmax(0)[true])
        by_protein.setdefault(protein, []).append((loss, true, int(scores.argmax())))

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    each = by_protein.values()
    shares = [
        mean([mean([float(true == b) for _, true, _ in pairs]) for pairs in each])
        for b in range(config.bins)
    ]
    return {
        "loss": mean([mean([loss for loss, _, _ in pairs]) for pairs in each]),
        "weight": len(by_protein),
        "accuracy": mean([mean([float(t == g) for _, t, g in pairs]) for pairs in each]),
        "mean_bin_error": mean([mean([abs(t - g) for _, t, g in pairs]) for pairs in each]),
        "baseline_accuracy": max(shares),
        "baseline_loss": -sum(s * math.log(s) for s in shares if s),
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pairs": "all"},
        {"pairs": "all", "given_away": None},
        {"pairs": "all", "given_away": 30.0},
        {"from_sequence": False},
        {"bins": 4, "bin_width": 12.5},
        {"legacy": True},
    ],
    ids=str,
)
def test_loss_and_metrics_equal_those_pair_by_pair(options: dict[str, Any]) -> None:
    chosen = objective(**options)
    batch = batch_of(has_structure=(True, True, False, True))
    outputs = make_model()(batch)
    with torch.no_grad():
        result, expected = chosen(outputs, batch), slow(chosen, outputs, batch)
    found = {"loss": result.loss, "weight": result.weight, **result.metrics}
    assert {k: float(v) for k, v in found.items()} == pytest.approx(expected, rel=1e-4)


def naive(head: PairHead, residues: Residues, nearest: float) -> Tensor:
    """The sum over i < j as the formula is written, with a tensor of all pairs and channels."""
    h, x = residues.tokens, residues.places
    logits = head.last(head.first((h[:, None] - h[None]) ** 2).clamp(min=0))
    apart = (x[:, None] - x[None]).square().sum(-1).sqrt()
    true = (apart / 5).floor().long().clamp(max=29)
    losses = -logits.log_softmax(-1).gather(-1, true[..., None]).squeeze(-1)
    total: Tensor = losses[(apart >= nearest).triu(1)].sum()
    return total


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("block", [1, 1 << 10, 1 << 22])
@pytest.mark.parametrize(("length", "width"), [(1, 8), (2, 8), (23, 8), (40, 96)])
def test_factored_is_naive(
    monkeypatch: pytest.MonkeyPatch, length: int, width: int, block: int, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(pair_head, "_BLOCK", block)
    context = replace(make_context(), width=width)
    torch.manual_seed(length)
    chosen = PairwiseDistance(PairwiseDistanceConfig(pairs="all"), context).to(dtype)
    # What all tokens have in common takes no digits away.
    tokens = (torch.randn(length, width, dtype=dtype) + 3).requires_grad_()
    residues = Residues(tokens, 20 * torch.randn(length, 3), 7.0, 0)
    learnt = [tokens, *chosen.parameters()]
    expected, found = naive(chosen.head, residues, 7.0), chosen.sums(residues).loss
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    if length > 1:
        slopes = torch.autograd.grad(expected, learnt)
        for one, other in zip(torch.autograd.grad(found, learnt), slopes, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(other.abs().max()))


def test_no_tensor_grows_with_the_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
        numbers = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            found = func(*args, **(kwargs or {}))
            parts = found if isinstance(found, tuple | list) else (found,)
            sizes = [part.numel() for part in parts if isinstance(part, Tensor)]
            self.numbers = max(self.numbers, *sizes, 0)
            return found

    monkeypatch.setattr(pair_head, "_BLOCK", 1 << 15)
    length = 200
    for pairs in ("all", 15_000):
        chosen = objective(pairs=pairs)
        tokens = torch.randn(length, 16, requires_grad=True)
        with Largest() as largest:  # type: ignore[no-untyped-call]
            residues = Residues(tokens, torch.randn(length, 3), 0.0, 0)
            chosen.sums(residues).loss.backward()  # type: ignore[no-untyped-call]
        # Not even one number for each pair.
        assert 1 << 14 < largest.numbers <= 1 << 15 < length**2
        assert tokens.grad is not None


def test_each_drawn_pair_is_another_one_and_all_are_as_likely() -> None:
    counts = torch.zeros(12, 12)
    for seed in range(2000):
        pairs = drawn_pairs(12, 20, seed)
        assert pairs is not None
        assert len(set(zip(*pairs.tolist(), strict=True))) == 20
        counts[pairs[0], pairs[1]] += 1
    assert not counts.tril().any()
    expected = 2000 * 20 / 66
    chosen = counts[torch.ones(12, 12).triu(1).bool()]
    assert ((chosen - expected).abs() < 5 * expected**0.5).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 300), st.integers(0, 2**63 - 2))
def test_drawn_pairs_lie_within(residues: int, wanted: int, seed: int) -> None:
    pairs = drawn_pairs(residues, wanted, seed)
    if pairs is None:
        assert wanted >= residues * (residues - 1) // 2
        return
    assert pairs.shape == (2, wanted)
    assert (pairs[0] >= 0).all()
    assert (pairs[0] < pairs[1]).all()
    assert (pairs[1] < residues).all()
    again = drawn_pairs(residues, wanted, seed)
    assert again is not None
    assert torch.equal(again, pairs)


def test_the_last_pair_can_be_drawn() -> None:
    """Numbers of pairs become residues without a slip, also in the largest protein."""
    for residues in (3, 2000, 40_000):
        total = residues * (residues - 1) // 2
        for number in (0, 1, total // 3, total - 1):
            later = int((1 + math.isqrt(1 + 8 * number)) // 2)
            earlier = number - later * (later - 1) // 2
            assert 0 <= earlier < later < residues
    few = {tuple(map(int, p.T[0])) for s in range(60) if (p := drawn_pairs(3, 1, s)) is not None}
    assert few == {(0, 1), (0, 2), (1, 2)}


def test_drawn_pairs_are_an_honest_sample() -> None:
    """The mean over many draws is that over all pairs."""
    batch = batch_of((30,))
    geometry = batch.geometry
    assert geometry is not None
    outputs = make_model()(batch)
    with torch.no_grad():
        whole = objective(pairs="all", given_away=None)(outputs, batch).loss
        chosen = objective(pairs=60, given_away=None)
        losses = torch.stack(
            [
                chosen(
                    outputs, replace(batch, geometry=replace(geometry, draws=geometry.draws + n))
                ).loss
                for n in range(300)
            ]
        )
    assert losses.std() > 0
    assert abs(losses.mean() - whole) < 4 * losses.std() / 300**0.5


@pytest.mark.parametrize("pairs", ["all", 8])
def test_a_protein_counts_alike_in_any_company(pairs: Any) -> None:
    chosen, batch = objective(pairs=pairs), batch_of(padding=3)
    with torch.no_grad():
        together = outcome(chosen, batch)
        alone = [outcome(chosen, take(batch, [row])) for row in range(len(LENGTHS))]
        tight = batch_of()
        torch.testing.assert_close(outcome(chosen, tight).loss, together.loss)
    assert [float(each.weight) for each in alone] == [1.0] * len(LENGTHS)
    torch.testing.assert_close(together.loss, torch.stack([a.loss for a in alone]).mean())
    for name in ("accuracy", "mean_bin_error"):
        torch.testing.assert_close(
            together.metrics[name], torch.stack([a.metrics[name] for a in alone]).mean()
        )


@pytest.mark.parametrize("pairs", ["all", 8])
def test_unknown_places_are_never_looked_at(pairs: Any) -> None:
    chosen, batch = objective(pairs=pairs), batch_of(padding=2)
    geometry, outputs = batch.geometry, make_model()(batch)
    assert geometry is not None
    spoilt = torch.where(geometry.alpha_known[..., None], geometry.alpha_carbons, math.nan)
    other = replace(batch, geometry=replace(geometry, alpha_carbons=spoilt))
    assert torch.equal(chosen(outputs, other).loss, chosen(outputs, batch).loss)
    for one, two in zip(
        gradients(chosen, outputs, batch), gradients(chosen, outputs, other), strict=True
    ):
        assert torch.equal(one, two)
        assert one.isfinite().all()
    unknown = ~geometry.alpha_known
    assert not gradients(chosen, outputs, batch)[0][unknown].any()


def test_near_pairs_count_where_the_structure_is_withheld() -> None:
    batch = batch_of((12,))
    geometry = batch.geometry
    assert geometry is not None
    close = replace(batch, geometry=replace(geometry, alpha_carbons=geometry.alpha_carbons * 0.01))
    hidden = replace(close, has_structure=torch.tensor([False]))
    outputs = make_model()(batch)
    assert objective()(outputs, close).weight == 0
    assert objective(given_away=None)(outputs, close).weight == 1
    assert objective()(outputs, hidden).weight == 1
    assert objective(from_sequence=False)(outputs, hidden).weight == 0
    # The pair on the border is farther than what is given away.
    known = geometry.alpha_known[0].nonzero().squeeze(1)
    border = torch.zeros_like(geometry.alpha_carbons)
    border[0, known[0], 0] = 7.0
    just = replace(batch, geometry=replace(geometry, alpha_carbons=border))
    shares = objective()(outputs, just).metrics
    assert shares["baseline_accuracy"] == 1


@pytest.mark.parametrize("case", ["no geometry", "one residue", "all unknown", "one known"])
def test_nothing_to_compare_weighs_nothing(case: str) -> None:
    batch = batch_of((1, 1) if case == "one residue" else LENGTHS)
    geometry = batch.geometry
    assert geometry is not None
    known = torch.zeros_like(geometry.alpha_known)
    known[:, 0] = case == "one known"
    if case == "no geometry":
        batch = replace(batch, geometry=None)
    elif case != "one residue":
        batch = replace(batch, geometry=replace(geometry, alpha_known=known))
    for chosen in (objective(), objective(pairs="all"), objective(pairs=3)):
        model = make_model()
        result = chosen(model(batch), batch)
        assert result.loss == 0
        assert result.weight == 0
        assert not any(result.metrics.values())
        result.loss.backward()
        assert all(p.grad is not None and not p.grad.any() for p in chosen.parameters())


def test_legacy_has_the_diagonal() -> None:
    """A single residue is a pair with itself, in the first bin."""
    chosen, batch = objective(legacy=True), batch_of((1,), unresolved=0.0)
    geometry = batch.geometry
    assert geometry is not None
    batch = replace(batch, geometry=replace(geometry, alpha_known=torch.tensor([[True]])))
    result = outcome(chosen, batch)
    scores = chosen.head.last(chosen.head.first.bias.clamp(min=0))
    torch.testing.assert_close(result.loss, -scores.log_softmax(0)[0])
    assert result.metrics["baseline_accuracy"] == 1


def test_what_lies_beyond_the_last_bin_is_in_it() -> None:
    batch = batch_of((3,), unresolved=0.0)
    geometry = batch.geometry
    assert geometry is not None
    places = torch.tensor([[[0.0, 0, 0], [144.0, 0, 0], [1e30, 0, 0]]])
    known = torch.ones(1, 3, dtype=torch.bool)
    batch = replace(batch, geometry=replace(geometry, alpha_carbons=places, alpha_known=known))
    for pairs in ("all", 2):
        result = outcome(objective(pairs=pairs), batch)
        assert result.loss.isfinite()
    # Bins 28, 29, 29.
    assert outcome(objective(), batch).metrics["baseline_accuracy"] == pytest.approx(2 / 3)


def test_logits_are_symmetric() -> None:
    maps = objective().head()
    left, right = torch.randn(2, 20, 16)
    assert torch.equal(maps.logits(left, right), maps.logits(right, left))


@pytest.mark.parametrize("pairs", ["all", 20])
def test_other_weights_may_stand_in_the_module_by_the_backward_pass(pairs: Any) -> None:
    """What is recomputed is what was computed."""
    chosen, batch = objective(pairs=pairs), batch_of()
    outputs = make_model()(batch)
    others = {name: p.detach() + 0.1 for name, p in chosen.named_parameters()}
    given = {name: p.clone().requires_grad_() for name, p in others.items()}
    found = functional_call(chosen, given, (outputs, batch)).loss
    slopes = torch.autograd.grad(found, list(given.values()))
    with torch.no_grad():
        for name, parameter in chosen.named_parameters():
            parameter.copy_(others[name])
    expected = torch.autograd.grad(chosen(make_model()(batch), batch).loss, [*chosen.parameters()])
    for one, other in zip(slopes, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "options", [{"pairs": 0}, {"pairs": "some"}, {"bins": 1}, {"bin_width": 0}, {"given_away": -1}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PairwiseDistanceConfig(**options)


def test_corruption_is_none_of_its_business() -> None:
    """So that tokens of frozen encoders may be cached beside it."""
    batch = batch_of()
    assert objective().corrupt(batch, torch.Generator()) is batch
