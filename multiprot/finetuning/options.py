"""Settings of predicting. No torch."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from multiprot.config import Section


class PredictOptions(Section):
    """How `multiprot predict` computes. Windows of long proteins are those of the fine-tuning."""

    long_proteins: Literal["window", "refuse"] = "window"
    """What to do with a protein longer than the model takes: overlapping windows, or refuse it."""
    tokens_per_batch: PositiveInt | None = None
    """Residues in one batch, padding included; null: 4,096 on a CPU, 65,536 on a GPU."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the model; the head stays in float32."""
