"""distill-go against numpy, and which teachers it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from multiprot.errors import ConfigError
from multiprot.objectives.distillation import plugins
from tests.objectives.distillation.scenes import (
    NAMES,
    changed,
    context,
    facts,
    linear,
    numbers,
    objective,
    run,
    scene,
    softmax,
    unit,
)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_equal_to_numpy(temperature: float) -> None:
    chosen = objective(plugins.distill_go, temperature=temperature)
    outputs, batch = scene(big=(2,))
    losses: list[list[float]] = [[] for _ in batch.ids]
    for head, name in zip(chosen.heads, NAMES, strict=True):
        terms = numbers(facts(name).term_vectors)  # type: ignore[arg-type]
        taught = batch.taught[name]  # type: ignore[index]
        answers = unit(linear(head, numbers(outputs.protein)))
        for row in taught.known.nonzero()[:, 0].tolist():
            p = softmax(terms @ unit(numbers(taught.vectors[row])) / temperature)
            q = softmax(terms @ answers[row] / temperature)
            losses[row].append(float((p * np.log(p / q)).sum()))
    result = run(chosen, outputs, batch)
    assert result.loss.item() == pytest.approx(np.mean([np.mean(p) for p in losses]), rel=1e-4)


def test_length_of_the_teachers_vector_does_not_matter() -> None:
    chosen = objective(plugins.distill_go)
    outputs, batch = scene()
    longer = changed(batch, vectors=lambda vectors: 7 * vectors)
    torch.testing.assert_close(run(chosen, outputs, batch).loss, run(chosen, outputs, longer).loss)


def test_teachers_without_terms_are_passed_over_or_named() -> None:
    given = context(wee=facts("wee", term_vectors=None))
    assert objective(plugins.distill_go, given).names == ("big.v1",)
    with pytest.raises(ConfigError, match=r"distill-go needs .*GO terms.* and wee has none.*big"):
        objective(plugins.distill_go, given, teachers=["big.v1", "wee"])
    nobody = context(**{name: facts(name, term_vectors=None) for name in NAMES})
    with pytest.raises(ConfigError, match=r"big\.v1, wee has none"):
        objective(plugins.distill_go, nobody)
