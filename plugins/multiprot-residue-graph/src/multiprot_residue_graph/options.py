"""Options of the three encoders. No torch here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section


class GinOptions(Section):
    """What a recipe may write under `model.structure.options` for `gin-residue-graph`."""

    width: int = Field(default=128, ge=1)
    """Channels of a residue and of its token."""
    layers: int = Field(default=2, ge=1)
    """Graph isomorphism layers, with one residual around all of them."""
    radius: float = Field(default=7.0, gt=0, allow_inf_nan=False)
    """Å. Residues whose CA atoms are nearer than this are joined."""
    epsilon: float = Field(default=1e-6, gt=0, allow_inf_nan=False)
    """Å². Added to the squared distance, so that two CA atoms on one spot have the weight
    1 / `epsilon` and not infinity."""
    update: Literal["mlp", "linear"] = "mlp"
    """What a layer does to the sum: two linear maps with norm and ReLU between them, or one linear
    map and nothing else, as STEPS."""
    dihedrals: Literal["periodic", "steps", "none"] = "periodic"
    """Node features: sine and cosine of phi, psi and omega; STEPS' Gaussians of phi and psi, which
    tear the circle at 180°; or none, and then the encoder cannot tell a protein from its mirror
    image."""
    residues: bool = False
    """Nodes also bear their amino acids. Where a protein's sequence is withheld or masked, so is
    this."""
    sequence_tokens: Literal["none", "joined"] = "none"
    """Joined: nodes also bear the tokens of the model's sequence encoder, as in STEPS; a protein
    whose sequence is missing or withheld has its structure alone."""
    sequence_gradient: Literal["full", "residual"] = "full"
    """How the sequence encoder learns from joined tokens: through layers and residual, or by the
    residual alone, as released by STEPS."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of a layer's channels dropped in training."""

    @model_validator(mode="after")
    def _nodes_have_features(self) -> Self:
        _demand_features(self.dihedrals, self.residues)
        if self.sequence_gradient == "residual" and self.sequence_tokens == "none":
            raise ValueError(
                "sequence_gradient: residual with sequence_tokens: none, which passes no gradient "
                "on; next: set sequence_tokens to joined"
            )
        return self


class GcnOptions(Section):
    """What a recipe may write under `model.structure.options` for `gcn-residue-graph`."""

    width: int = Field(default=128, ge=1)
    """Channels of a residue in each layer; DeepFRI has 512."""
    layers: int = Field(default=3, ge=1)
    """Graph convolutions; a token is the outputs of all side by side, `layers` times `width`."""
    radius: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Å. Residues whose CA atoms are nearer than this are in contact."""
    norm: bool = True
    """LayerNorm behind each layer; DeepFRI has none."""
    residues: bool = True
    """Nodes bear their amino acids, as in DeepFRI. Where a protein's sequence is withheld or
    masked, so is this."""
    dihedrals: Literal["periodic", "none"] = "none"
    """Node features: sine and cosine of phi, psi and omega. DeepFRI has none: its encoder cannot
    tell a protein from its mirror image."""
    sequence_tokens: Literal["none", "joined"] = "none"
    """Joined: nodes also bear the tokens of the model's sequence encoder, as in DeepFRI; a protein
    whose sequence is missing or withheld has its structure alone."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of a layer's channels dropped in training."""

    @model_validator(mode="after")
    def _nodes_have_features(self) -> Self:
        _demand_features(self.dihedrals, self.residues)
        return self


class GearNetOptions(Section):
    """What a recipe may write under `model.structure.options` for `gearnet`."""

    width: int = Field(default=128, ge=1)
    """Channels of a residue in each layer."""
    layers: int = Field(default=3, ge=1)
    """Relational layers; the paper has six of width 512."""
    sequence_reach: int = Field(default=2, ge=0)
    """Residues up to this many steps along the sequence are joined, each offset by a relation of
    its own; offset 0 joins a residue with itself."""
    radius: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Å. Residues whose CA atoms are nearer than this are joined."""
    neighbours: int = Field(default=10, ge=1)
    """Nearest residues, by CA, that each residue hears of."""
    least_offset: int = Field(default=5, ge=1)
    """Radius and nearest-neighbour edges join residues at least this many steps apart along the
    sequence, or on two sides of a chain break."""
    edge_messages: bool = False
    """Edges have states and hear of the edges they meet, by the angle between them (GearNet-Edge);
    most of the time and memory goes there."""
    edge_width: int | None = Field(default=None, ge=1)
    """Channels of an edge's state; null: `width`."""
    angle_bins: int = Field(default=8, ge=1, le=64)
    """Bins of the angle between two edges, 0 to π, each a relation of its own."""
    angle_borders: Literal["smooth", "hard"] = "smooth"
    """An angle counts for the two nearest bins, the more the nearer; or for the one it lies in, as
    in the paper, and then rounding may carry an angle on a border across it."""
    residues: bool = True
    """Nodes, and edges where they have states, bear amino acids, as in the paper. Where a protein's
    sequence is withheld or masked, so is this."""
    dihedrals: Literal["periodic", "none"] = "periodic"
    """Node features: sine and cosine of phi, psi and omega. The paper has none: its encoder cannot
    tell a protein from its mirror image."""
    readout: Literal["concatenated", "last"] = "concatenated"
    """A token is made of the outputs of all layers side by side, or of the last one."""
    token_dim: int | None = Field(default=None, ge=1)
    """Channels of a token, by a linear map; null: what the readout has, without a map."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of a layer's channels dropped in training."""

    @model_validator(mode="after")
    def _nodes_have_features(self) -> Self:
        _demand_features(self.dihedrals, self.residues)
        return self


def _demand_features(dihedrals: str, residues: bool) -> None:
    if dihedrals == "none" and not residues:
        raise ValueError(
            "dihedrals: none with residues: false leaves all residues alike; next: set one of them"
        )
