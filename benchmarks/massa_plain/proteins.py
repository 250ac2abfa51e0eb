"""What the step reads of a protein, and proteins at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.massa_plain.config import TAGGINGS, PlainMassaConfig


@dataclass(frozen=True, slots=True)
class PlainProtein:
    """One protein: what the five objectives read and predict.

    Attributes
    ----------
    vectors
        float32 [residue, channel], of a frozen sequence model.
    coordinates
        float32 [residue, atom, xyz] in Å; atoms N, CA, C and perhaps O.
    residues
        int [residue], classes of amino acids.
    go_terms
        int [term], at least one: a protein without terms has a term that says so.
    motif_tags, domain_tags, region_tags
        int [residue], 0 outside; None where the protein is not annotated.
    """

    vectors: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    residues: NDArray[np.int64]
    go_terms: NDArray[np.int64]
    motif_tags: NDArray[np.int64] | None = None
    domain_tags: NDArray[np.int64] | None = None
    region_tags: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.vectors), len(self.coordinates), len(self.residues)}
        lengths |= {len(tags) for tags in map(self.tags, TAGGINGS) if tags is not None}
        if len(lengths) > 1 or min(lengths) < 2:
            raise ValueError(f"arrays of {sorted(lengths)} residues; give all the same, at least 2")
        if len(self.go_terms) == 0:
            raise ValueError(f"protein of {len(self)} residues without a GO term; give at least 1")

    def __len__(self) -> int:
        return len(self.residues)

    def tags(self, tagging: str) -> NDArray[np.int64] | None:
        """Tags of "motif", "domain" or "region"."""
        found: NDArray[np.int64] | None = getattr(self, f"{tagging}_tags")
        return found


def random_proteins(
    lengths: Sequence[int], seed: int, config: PlainMassaConfig | None = None
) -> list[PlainProtein]:
    """Proteins of these lengths: chains at random in space, 1 to 24 terms, two thirds tagged."""
    config = config or PlainMassaConfig()
    numbers = np.random.default_rng(seed)
    return [_random_protein(numbers, length, config) for length in lengths]


def _random_protein(
    numbers: np.random.Generator, length: int, config: PlainMassaConfig
) -> PlainProtein:
    # As dense as a globule: 0.0075 CA in a cubic ångström.
    radius = (3 * length / (4 * math.pi * 0.0075)) ** (1 / 3)
    alpha = np.zeros((length, 3))
    for number in range(1, length):
        pull = -0.5 * alpha[number - 1] / radius
        step = numbers.standard_normal(3) + pull
        alpha[number] = alpha[number - 1] + 3.8 * step / np.linalg.norm(step)
    arms = numbers.standard_normal((length, 2, 3))
    arms *= 1.5 / np.linalg.norm(arms, axis=-1, keepdims=True)
    atoms = np.stack([alpha + arms[:, 0], alpha, alpha + arms[:, 1]], axis=1)
    terms = min(int(numbers.integers(1, 25)), config.go_classes)
    tags = {
        f"{tagging}_tags": numbers.integers(0, getattr(config, f"{tagging}_classes"), length)
        for tagging in TAGGINGS
        if numbers.random() < 2 / 3
    }
    return PlainProtein(
        vectors=numbers.standard_normal((length, config.sequence_dim), dtype=np.float32),
        coordinates=atoms.astype(np.float32),
        residues=numbers.integers(0, config.residue_classes, length),
        go_terms=numbers.choice(config.go_classes, terms, replace=False),
        **tags,
    )
