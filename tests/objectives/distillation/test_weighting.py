"""How teachers come together: mean, sum, learned variances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from multiprot.objectives.distillation import plugins
from multiprot.objectives.distillation.weighting import TeacherLosses, Uncertainty, Uniform
from multiprot.testing import ObjectiveSuite
from tests.objectives.distillation.scenes import numbers, objective, run, scene

LOSSES = torch.tensor([[1.0, 3.0], [2.0, 0.0], [0.0, 0.0], [0.5, 0.1]])
KNOWN = torch.tensor([[True, True], [True, False], [False, False], [True, True]])


class TestUncertainty(ObjectiveSuite):
    plugin = plugins.distill_huber

    def tiny_config(self) -> Any:
        return self.plugin.config(weighting="uncertainty", prefixes=(5, 11), head="mlp")


class TestSum(ObjectiveSuite):
    plugin = plugins.distill_kl

    def tiny_config(self) -> Any:
        return self.plugin.config(weighting="sum", standardised=True, temperature=2.0)


def seen(losses: torch.Tensor = LOSSES) -> TeacherLosses:
    return TeacherLosses(
        ids=("a", "b", "c", "d"),
        losses=losses,
        known=KNOWN,
        student=torch.zeros(4, 3),
        views=(torch.zeros(4, 2), torch.zeros(4, 5)),
    )


def test_mean_and_sum_over_the_teachers_that_know_a_protein() -> None:
    mean, total = Uniform()(seen()), Uniform(mean=False)(seen())
    assert mean.losses.tolist() == pytest.approx([2.0, 2.0, 0.0, 0.3])
    assert total.losses.tolist() == pytest.approx([4.0, 2.0, 0.0, 0.6])
    assert mean.weights.tolist() == [[0.5, 0.5], [1, 0], [0, 0], [0.5, 0.5]]
    assert total.weights.tolist() == [[1, 1], [1, 0], [0, 0], [1, 1]]


def test_uncertainty_begins_as_the_mean() -> None:
    begun = Uncertainty(2, bound=5.0)(seen())
    torch.testing.assert_close(begun.losses, Uniform()(seen()).losses)
    torch.testing.assert_close(begun.weights, Uniform()(seen()).weights)


def test_uncertainty_equals_its_formula() -> None:
    chosen = Uncertainty(2, bound=5.0)
    with torch.no_grad():
        chosen.raw.copy_(torch.tensor([0.7, -1.2]))
    s = 5 * np.tanh(np.array([0.7, -1.2]) / 5)
    each = np.exp(-s) * numbers(LOSSES) + s
    wanted = [each[0].mean(), each[1, 0], 0, each[3].mean()]
    found = chosen(seen())
    assert found.losses.tolist() == pytest.approx(wanted, rel=1e-5)
    assert found.weights[0].tolist() == pytest.approx(np.exp(-s) / 2, rel=1e-5)


def test_log_variances_find_the_mean_loss_and_keep_within_bounds() -> None:
    losses = torch.tensor([[30.0, 0.02]]).expand(4, 2) * KNOWN
    for bound, wanted in ((5.0, [np.log(30), np.log(0.02)]), (2.0, [2.0, -2.0])):
        chosen = Uncertainty(2, bound=bound)
        optimizer = torch.optim.Adam(chosen.parameters(), lr=0.1)
        for _ in range(800):
            optimizer.zero_grad()
            chosen(seen(losses)).losses.sum().backward()
            optimizer.step()
        found = chosen.log_variances.detach()
        assert found.tolist() == pytest.approx(wanted, abs=0.05)
        assert found.abs().max() <= bound
        # A bound that was reached can be left.
        chosen.zero_grad()
        chosen(seen(torch.ones(4, 2) * KNOWN)).losses.sum().backward()
        assert (chosen.raw.grad.sign() == found.sign()).all()  # type: ignore[union-attr]


def test_the_sum_is_the_mean_times_the_number_of_teachers() -> None:
    outputs, batch = scene()
    losses = [
        run(objective(plugins.distill_cosine, weighting=name), outputs, batch).loss
        for name in ("uniform", "sum")
    ]
    torch.testing.assert_close(2 * losses[0], losses[1])


@pytest.mark.parametrize("weighting", ["uniform", "sum", "uncertainty", "selector"])
def test_weights_and_baseline_are_told(weighting: str) -> None:
    chosen = objective(plugins.distill_huber, weighting=weighting).eval()
    outputs, batch = scene(big=(0, 3), wee=(0,))
    metrics = run(chosen, outputs, batch).metrics
    weights = [metrics[f"{name}/weight"].item() for name in chosen.names]
    assert sum(weights) == pytest.approx(1.75 if weighting == "sum" else 1.0)
    one = objective(plugins.distill_huber, teachers=["wee"])
    outputs, batch = scene(wee=(0,))
    alone = run(one, outputs, batch).metrics
    assert alone["baseline_loss"].item() == pytest.approx(alone["wee/baseline_loss"].item())
    assert alone["wee/known"] == 1
