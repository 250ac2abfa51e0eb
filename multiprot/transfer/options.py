"""Options of the measures. No torch here."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from multiprot.config import Section

Solver = Literal["exact", "refined", "minibatch"]


class TransferOptions(Section):
    """How transferability is measured."""

    n: int = Field(default=1000, ge=10, le=50_000)
    """Proteins drawn from each set; 1,000 in MASSA."""
    seed: int = Field(default=0, ge=0)
    """Decides which, and everything else that is random."""
    replicates: int = Field(default=100, ge=0)
    """Random halves from which intervals are made; 0: no intervals."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Of the intervals."""
    power: float = Field(default=2.0, ge=1, allow_inf_nan=False)
    """p of OTFRM and wasserstein: the cost is (1 − cosine)^p, the distance its p-th root."""
    solver: Solver = "exact"
    """Of OTFRM and wasserstein: "exact" up to 5,000 proteins, "refined" (close to exact) or
    "minibatch" (above it) beyond."""
    epsilon: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Blur of the Sinkhorn divergence, in units of 1 − cosine."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the Sinkhorn divergence is computed; "auto" takes a GPU if there is one."""
    directions: int = Field(default=500, ge=1)
    """Random directions of the sliced Wasserstein distance."""
    bins: int = Field(default=10, ge=2)
    """Classes into which the numbers of a regression are cut, at their quantiles."""
    neighbours: int = Field(default=10, ge=1)
    """k of k-NN purity."""


DEFAULTS: Final = TransferOptions()
"""Options that were not given."""
