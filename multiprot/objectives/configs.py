"""Options of the built-in objectives. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section


class MaskedResidueConfig(Section):
    """Guess the amino acids that were hidden from the encoders."""

    rate: float = Field(default=0.15, gt=0, le=1)
    """Share of standard residues that are hidden; at least one in each protein."""
    substitute_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the hidden ones that show a random amino acid instead of the mask."""
    keep_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the hidden ones that show themselves."""
    from_structure: bool = False
    """Also guess every residue of a protein whose sequence is withheld (`batch.sequence_dropout`)
    from its structure alone: inverse folding."""

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.substitute_share + self.keep_share > 1:
            raise ValueError(
                f"substitute_share {self.substitute_share} + keep_share {self.keep_share} "
                "is more than 1; the rest is what shows the mask"
            )
        return self


Weighting = Literal["uniform", "information"]


class GoContrastConfig(Section):
    """Protein and term find each other among those that are not true of each other."""

    temperature: float = Field(default=0.07, ge=0.01, le=1)
    """Start of the learned temperature, which stays between 0.01 and 1."""
    protein_weight: float = Field(default=1.0, ge=0)
    """Weight of protein → terms."""
    term_weight: float = Field(default=1.0, ge=0)
    """Weight of terms → proteins."""
    positives: Weighting = "information"
    """How a protein's true terms are weighted: all alike, or by information content, so that
    terms near the root, true of almost every protein, do not dominate."""
    prior_correction: float = Field(default=1.0, ge=0)
    """How much of log(term frequency) is added to the scores of protein → terms, so that the
    vectors need not spend themselves on it (logit adjustment, Menon et al. 2021); 0 is off."""

    @model_validator(mode="after")
    def _has_a_direction(self) -> Self:
        if self.protein_weight + self.term_weight == 0:
            raise ValueError("protein_weight and term_weight are both 0; one must be positive")
        return self


class GoAnnotationConfig(Section):
    """Is this term true of this protein? A calibrated yes or no for every candidate."""

    temperature: float = Field(default=0.2, ge=0.01, le=1)
    """Start of the learned temperature of the cosine, which stays between 0.01 and 1."""
    positive_weight: float = Field(default=1.0, gt=0)
    """Weight of a true term; other than 1 it raises or lowers the predicted probabilities."""
    focal_gamma: float = Field(default=0.0, ge=0)
    """Focusing exponent (Lin et al. 2017); other than 0 the probabilities are less calibrated."""
    normalise: Literal["positives", "candidates"] = "positives"
    """What the summed loss is divided by: the number of true pairs (SigLIP's way, steps of a
    useful size), or the number of all known pairs."""


class TokenAlignmentConfig(Section):
    """A residue's sequence token and structure token find each other."""

    temperature: float = Field(default=0.1, ge=0.01, le=1)
    """Start of the learned temperature, which stays between 0.01 and 1."""
    dim: int = Field(default=64, ge=2)
    """Channels of the space in which tokens are compared."""
    max_residues: int = Field(default=512, ge=2)
    """Residues compared per process and step; of more, evenly spaced ones are taken."""
    exclude_neighbours: int = Field(default=0, ge=0)
    """Residues of the same chain up to this far away are not taken as negatives."""


class OtfrmConfig(Section):
    """Proteins of a batch close to each other and, by optimal transport, far from others."""

    reference: Path
    """Vectors of the proteins to keep away from, such as a sample of the pretraining corpus: an
    embedding store or an .npy file [protein, channel]."""
    reference_size: int = Field(default=256, ge=2)
    """How many of them are drawn, once."""
    space: Literal["protein", "shared"] = "protein"
    """Which vectors are compared, and stand in `reference`: the pooled fused tokens or the space
    shared with GO."""
    power: float = Field(default=2.0, ge=1)
    """Exponent of the cost 1 − cosine."""
    epsilon: float = Field(default=0.1, gt=0)
    """Blur of the Sinkhorn divergence, in units of the cost."""
