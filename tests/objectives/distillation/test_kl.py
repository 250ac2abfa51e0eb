"""distill-kl against torch's KLDivLoss, as MTDP released it, and against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from multiprot.objectives.distillation import plugins
from tests.objectives.distillation.scenes import (
    NAMES,
    facts,
    linear,
    numbers,
    objective,
    run,
    scene,
    softmax,
)


def test_with_a_sum_it_is_the_loss_that_mtdp_released() -> None:
    """L = KLDivLoss(batchmean)(log_softmax(t1(e)), softmax(T1)) + the same of t2."""
    chosen = objective(plugins.distill_kl, weighting="sum")
    outputs, batch = scene()
    released = torch.zeros(())
    for head, name in zip(chosen.heads, NAMES, strict=True):
        logits = head(outputs.protein).log_softmax(dim=1)
        truth = batch.taught[name].vectors.softmax(dim=1)  # type: ignore[index]
        released = released + nn.KLDivLoss(reduction="batchmean")(logits, truth)
    result = run(chosen, outputs, batch)
    torch.testing.assert_close(result.loss, released)
    slopes = torch.autograd.grad(result.loss, outputs.protein, retain_graph=True)
    torch.testing.assert_close(slopes, torch.autograd.grad(released, outputs.protein))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 4.0])
@pytest.mark.parametrize("standardised", [False, True])
def test_equal_to_numpy(temperature: float, standardised: bool) -> None:
    chosen = objective(plugins.distill_kl, temperature=temperature, standardised=standardised)
    outputs, batch = scene(big=(1,), wee=(1, 3))
    losses: dict[int, list[float]] = {}
    of_teachers, ignorant = {}, {}
    for head, name in zip(chosen.heads, NAMES, strict=True):
        known, taught = facts(name), batch.taught[name]  # type: ignore[index]
        mean, deviation = numbers(known.mean), numbers(known.deviation)
        vectors, constant = numbers(taught.vectors), mean
        if standardised:
            vectors, constant = (vectors - mean) / deviation, 0 * mean
        p = softmax(vectors / temperature)
        q = softmax(linear(head, numbers(outputs.protein)) / temperature)
        m = softmax(constant / temperature)
        kl = temperature**2 * (p * np.log(p / q)).sum(axis=1)
        of_mean = temperature**2 * (p * np.log(p / m)).sum(axis=1)
        rows = taught.known.nonzero()[:, 0].tolist()
        of_teachers[name] = kl[rows].mean()
        ignorant[name] = of_mean[rows].mean()
        for row in rows:
            losses.setdefault(row, []).append(kl[row])
    result = run(chosen, outputs, batch)
    assert result.weight == len(losses) == 4
    wanted = np.mean([np.mean(each) for each in losses.values()])
    assert result.loss.item() == pytest.approx(wanted, rel=1e-5)
    for name in NAMES:
        assert result.metrics[f"{name}/loss"].item() == pytest.approx(of_teachers[name], rel=1e-5)
        found = result.metrics[f"{name}/baseline_loss"].item()
        assert found == pytest.approx(ignorant[name], rel=1e-5)


def test_a_higher_temperature_keeps_the_size_of_gradients() -> None:
    outputs, batch = scene()
    sizes = []
    for temperature in (50.0, 500.0):
        loss = run(objective(plugins.distill_kl, temperature=temperature), outputs, batch).loss
        sizes.append(torch.autograd.grad(loss, outputs.protein)[0].norm())
    torch.testing.assert_close(sizes[0], sizes[1], rtol=0.05, atol=0)
