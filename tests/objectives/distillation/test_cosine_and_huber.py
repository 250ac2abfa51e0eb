"""distill-cosine and distill-huber against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from multiprot.errors import ConfigError
from multiprot.objectives.distillation import plugins
from tests.objectives.distillation.scenes import (
    NAMES,
    context,
    facts,
    linear,
    numbers,
    objective,
    run,
    scene,
    unit,
)


@pytest.mark.parametrize("centred", [True, False])
def test_cosine_equals_numpy(centred: bool) -> None:
    chosen = objective(plugins.distill_cosine, centred=centred)
    outputs, batch = scene()
    found = run(chosen, outputs, batch)
    wanted, ignorant = [], []
    for head, name in zip(chosen.heads, NAMES, strict=True):
        mean = numbers(facts(name).mean)
        vectors = numbers(batch.taught[name].vectors)  # type: ignore[index]
        truth = unit(vectors - mean if centred else vectors)
        cosines = (unit(linear(head, numbers(outputs.protein))) * truth).sum(axis=1)
        wanted.append(1 - cosines.mean())
        ignorant.append(1.0 if centred else (1 - truth @ unit(mean)).mean())
        assert found.metrics[f"{name}/cosine"].item() == pytest.approx(cosines.mean(), rel=1e-4)
    assert found.loss.item() == pytest.approx(np.mean(wanted), rel=1e-5)
    assert found.metrics["baseline_loss"].item() == pytest.approx(np.mean(ignorant), rel=1e-5)


@pytest.mark.parametrize("delta", [1.0, 0.2])
def test_huber_equals_numpy(delta: float) -> None:
    deviation = facts("wee").deviation.clone()
    deviation[2] = 0.0
    given = context(wee=facts("wee", deviation=deviation))
    chosen = objective(plugins.distill_huber, given, delta=delta)
    outputs, batch = scene(wee=(0,))
    per_protein: list[list[float]] = [[] for _ in batch.ids]
    for head, name in zip(chosen.heads, NAMES, strict=True):
        channels = [c for c in range(facts(name).width) if name != "wee" or c != 2]
        for row, answer in enumerate(linear(head, numbers(outputs.protein))):
            if name == "wee" and row == 0:
                continue
            vector = numbers(batch.taught[name].vectors[row])  # type: ignore[index]
            each = []
            for c in channels:
                truth = (vector[c] - float(facts(name).mean[c])) / float(facts(name).deviation[c])
                off = abs(answer[c] - truth)
                each.append(off**2 / 2 if off <= delta else delta * (off - delta / 2))
            per_protein[row].append(float(np.mean(each)))
    result = run(chosen, outputs, batch)
    assert result.loss.item() == pytest.approx(np.mean([np.mean(p) for p in per_protein]), rel=1e-5)
    assert result.metrics["wee/known"].item() == pytest.approx(0.8)


def test_of_a_channel_without_deviation_nothing_is_learnt() -> None:
    """Nor of one whose deviation is rounding; the head's other rows learn."""
    mean, deviation = facts("wee").mean.clone(), facts("wee").deviation.clone()
    mean[1], deviation[1], deviation[3] = 1000.0, 1e-4, 0.0
    given = context(wee=facts("wee", mean=mean, deviation=deviation))
    chosen = objective(plugins.distill_huber, given, teachers=["wee"])
    outputs, batch = scene()
    run(chosen, outputs, batch).loss.backward()  # type: ignore[no-untyped-call]
    slopes = chosen.heads[0].weight.grad.abs().sum(dim=1) > 0
    assert slopes.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("plugin", "options"),
    [(plugins.distill_huber, {}), (plugins.distill_kl, {"standardised": True})],
)
def test_a_teacher_of_which_nothing_varies_is_refused(plugin: object, options: dict) -> None:  # type: ignore[type-arg]
    given = context(wee=facts("wee", deviation=torch.zeros(4)))
    with pytest.raises(ConfigError, match="none of the 4 channels of wee's vectors varies"):
        objective(plugin, given, **options)
