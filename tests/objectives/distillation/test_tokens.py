"""distill-tokens residue by residue; crops; which teachers it takes."""

from __future__ import annotations

from typing import Any

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
    unit,
)


def slow(chosen: Any, outputs: Any, batch: Any, kind: str) -> list[list[float]]:
    """Losses of each protein towards each teacher that knows a residue of it."""
    losses: list[list[float]] = [[] for _ in batch.ids]
    for head, name in zip(chosen.heads, NAMES, strict=True):
        known, taught = facts(name), batch.taught[name]
        for row in range(len(batch.ids)):
            each = []
            for residue in range(batch.residues.shape[1]):
                if not taught.tokens_known[row, residue]:
                    continue
                answer = linear(head, numbers(outputs.fused_tokens.values[row, residue]))
                token = numbers(taught.tokens[row, residue])
                truth = (token - numbers(known.token_mean)) / numbers(known.token_deviation)
                off = np.abs(answer - truth)
                huber = np.where(off <= 1, off**2 / 2, off - 0.5).mean()
                each.append(huber if kind == "huber" else 1 - unit(answer) @ unit(truth))
            if each:
                losses[row].append(float(np.mean(each)))
    return losses


@pytest.mark.parametrize("kind", ["huber", "cosine"])
def test_equal_to_numpy_residue_by_residue(kind: str) -> None:
    chosen = objective(plugins.distill_tokens, loss=kind)
    outputs, batch = scene(big=(0, 4), wee=(4,))
    losses = [each for each in slow(chosen, outputs, batch, kind) if each]
    result = run(chosen, outputs, batch)
    assert result.weight == len(losses) == 4
    assert result.loss.item() == pytest.approx(np.mean([np.mean(p) for p in losses]), rel=1e-5)
    result.loss.backward()  # type: ignore[no-untyped-call]
    # Rubbish where the student has no token changes nothing.
    assert outputs.fused_tokens.values.grad.isfinite().all()  # type: ignore[union-attr]


def test_a_crop_counts_though_the_whole_protein_is_not_there() -> None:
    chosen, vectors = objective(plugins.distill_tokens), objective(plugins.distill_huber)
    outputs, batch = scene()
    cropped = changed(batch, known=torch.zeros_like)
    assert run(vectors, outputs, cropped).weight == 0
    torch.testing.assert_close(run(chosen, outputs, cropped).loss, run(chosen, outputs, batch).loss)


def test_a_long_protein_counts_as_one() -> None:
    chosen = objective(plugins.distill_tokens, teachers=["wee"])
    outputs, batch = scene()
    whole = run(chosen, outputs, batch)

    def only(row: int) -> Any:
        return changed(batch, tokens_known=lambda known: known & (torch.arange(5) == row)[:, None])

    alone = [run(chosen, outputs, only(row)).loss for row in range(5)]
    torch.testing.assert_close(whole.loss, torch.stack(alone).mean())


def test_teachers_without_tokens_are_passed_over_or_named() -> None:
    none = torch.zeros(0)
    given = context(wee=facts("wee", token_mean=none, token_deviation=none))
    assert objective(plugins.distill_tokens, given).names == ("big.v1",)
    with pytest.raises(ConfigError, match="needs tokens, and wee has none"):
        objective(plugins.distill_tokens, given, teachers=["wee"])
    still = context(wee=facts("wee", token_deviation=torch.zeros(3)))
    with pytest.raises(ConfigError, match="wee's tokens varies"):
        objective(plugins.distill_tokens, still)
