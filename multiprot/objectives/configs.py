"""Options of the built-in objectives. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from multiprot.config import Section


class MaskingConfig(Section):
    """How much is hidden, and what stands in its place."""

    rate: float = Field(default=0.15, gt=0, le=1)
    """Share of what can be guessed that is hidden; at least one in each protein."""
    substitute_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the hidden ones that show a random other one instead of the mask."""
    keep_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the hidden ones that show themselves."""

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.substitute_share + self.keep_share > 1:
            raise ValueError(
                f"substitute_share {self.substitute_share} + keep_share {self.keep_share} "
                "is more than 1; the rest is what shows the mask"
            )
        return self


class MaskedResidueConfig(MaskingConfig):
    """Guess the amino acids that were hidden from the encoders."""

    from_structure: bool = False
    """Also guess every residue of a protein whose sequence is withheld (`batch.sequence_dropout`)
    from its structure alone: inverse folding."""
    hide_structure: bool = False
    """Also hide the geometry of the hidden residues from the structure encoder: their dihedrals and
    directions; where their CA is stays to be seen."""
    legacy: bool = False
    """Hide vectors, not letters, as the released MASSA does: the sequence encoder sees every
    residue, a hidden one's token becomes a constant or another residue's, and its neighbours'
    contextual tokens tell what it was. For comparison only."""


class MaskedGoConfig(MaskingConfig):
    """Guess the GO terms that were hidden among those that the model reads."""

    min_proteins: int = Field(default=10, ge=1)
    """Train proteins that must have a term for it to be guessed."""


class SpanTaggingConfig(Section):
    """Say of each residue whether it begins, continues or ends a span, and which."""

    kinds: tuple[str, ...] = Field(min_length=1)
    """Sorts of spans, as the corpus names them; a residue in several spans gets the shortest's
    tag."""
    min_proteins: int = Field(default=5, ge=1)
    """Train proteins that must have a span for it to be told apart; residues of rarer ones are
    left out."""
    focal_gamma: float = Field(default=2.0, ge=0)
    """Focusing exponent (Lin et al. 2017); 0: plain cross-entropy."""
    class_weights: Literal["effective", "none"] = "effective"
    """"effective": a tag counts by the inverse of its effective number of residues (Cui et al.
    2019); "none": each residue counts alike."""
    effective_beta: float = Field(default=0.99, ge=0, lt=1)
    """β of the effective number (1 − βⁿ) / (1 − β): about 1 / (1 − β) residues count fully."""
    legacy: bool = False
    """As the released MASSA: γ 2 and no class weights, which is what its "equalized" focal loss
    amounts to."""


class MotifTaggingConfig(SpanTaggingConfig):
    """Tags of sequence motifs."""

    kinds: tuple[str, ...] = Field(default=("motif",), min_length=1)


class DomainTaggingConfig(SpanTaggingConfig):
    """Tags of domains."""

    kinds: tuple[str, ...] = Field(default=("domain",), min_length=1)


class RegionTaggingConfig(SpanTaggingConfig):
    """Tags of regions."""

    kinds: tuple[str, ...] = Field(default=("region",), min_length=1)


class PairwiseDistanceConfig(Section):
    """Guess how far apart the CA of two residues are."""

    bins: int = Field(default=30, ge=2)
    """Bins of distances; the last one is open."""
    bin_width: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Å; with 30 bins, all beyond 145 Å is one."""
    pairs: Literal["all"] | PositiveInt = 4096
    """Pairs of residues drawn of each protein and step, all of a protein that has fewer; or "all",
    whose time grows with the square of the length."""
    given_away: float | None = Field(default=7.0, ge=0, allow_inf_nan=False)
    """Å. Nearer pairs are left out where the structure encoder sees the protein: 7 Å is the radius
    of `gin-residue-graph`, whose edges tell it these distances; null keeps all."""
    from_sequence: bool = True
    """Also guess the distances of proteins whose structure is known, but withheld from the model
    (`batch.structure_dropout`, or a model without structure encoder), from their sequence alone."""
    legacy: bool = False
    """All L² pairs whatever `pairs` and `given_away` say, and each residue paired with itself, as
    the released STEPS. For comparison only."""


BackboneAngle = Literal["phi", "psi", "omega"]


class DihedralConfig(Section):
    """Guess the dihedrals that were hidden from the structure encoder."""

    rate: float = Field(default=0.15, gt=0, le=1)
    """Share of the residues with a defined angle whose geometry is hidden; at least two in each
    protein that has so many."""
    angles: tuple[BackboneAngle, ...] = Field(default=("phi", "psi", "omega"), min_length=1)
    """Which angles are guessed; the released STEPS has phi and psi."""
    loss: Literal["von-mises", "cosine"] = "von-mises"
    """"von-mises": likelihood of the angle, its concentration guessed as well; "cosine": 1 − cos of
    what it is off by."""
    from_sequence: bool = False
    """Also guess all angles of proteins whose structure is known, but withheld from the model
    (`batch.structure_dropout`, or a model without structure encoder), from their sequence alone."""
    legacy: bool = False
    """Square of what tanh is off by in units of 180°, whatever `loss` says, as the released STEPS:
    -180° and 180° count as farthest apart. For comparison only."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.angles)) < len(self.angles):
            raise ValueError(f"angles {', '.join(self.angles)}: name each angle once")
        return self


class FoldStateConfig(Section):
    """Guess each residue's 3Di state."""

    from_sequence: bool = True
    """Guess the states of proteins whose structure is known, but withheld from the model
    (`batch.structure_dropout`, or a model without structure encoder), from their sequence alone."""
    seen_structures: bool = False
    """Also guess those of proteins whose structure the model sees, of which it can nearly read them
    off: they then make up most of the residues, and teach little."""

    @model_validator(mode="after")
    def _guesses_some(self) -> Self:
        if not (self.from_sequence or self.seen_structures):
            raise ValueError(
                "from_sequence and seen_structures are both false, which leaves no protein to "
                "guess the states of; one must be true"
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


class MutualInformationConfig(Section):
    """A critic tells a protein's own structure from those of others."""

    temperature: float = Field(default=0.2, ge=0.01, le=1)
    """Start of the learned temperature, which stays between 0.01 and 1."""
    queue: int = Field(default=256, ge=0)
    """Proteins of past steps that serve as negatives beside those of the batch; 0: none."""
    legacy: bool = False
    """As released by STEPS: scores that cannot be negative, and the protein before as the only
    negative; `temperature` and `queue` do not count. For comparison only."""


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
