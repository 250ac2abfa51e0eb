"""Options of the GVP-GNN encoder."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from multiprot.config import Section


class GvpOptions(Section):
    """What a recipe may write under `model.structure.options`."""

    node_scalars: int = Field(default=64, ge=1)
    """Scalar channels of a residue."""
    node_vectors: int = Field(default=16, ge=1)
    """Vector channels of a residue."""
    edge_scalars: int = Field(default=32, ge=1)
    """Scalar channels of a pair of neighbours."""
    edge_vectors: int = Field(default=1, ge=1)
    """Vector channels of a pair of neighbours."""
    layers: int = Field(default=2, ge=1)
    """Rounds of message passing."""
    neighbours: int = Field(default=30, ge=1)
    """Nearest residues (by CA) that send messages; 16 makes a small model for the CPU."""
    message_depth: int = Field(default=3, ge=1)
    """Geometric vector perceptrons in a message."""
    message_vectors: int | None = Field(default=None, ge=1)
    """Hidden vector channels of a message's first perceptron; None takes `node_vectors`. The paper
    and MASSA have 2 · `node_vectors` + `edge_vectors`, which costs about a third more time."""
    update_depth: int = Field(default=2, ge=1)
    """Geometric vector perceptrons in a residue's own update."""
    gate: bool = True
    """Vectors are gated by scalars (Jing et al. 2021b); False gates them by their own length, as
    MASSA and the first GVP do."""
    residues: bool = False
    """A residue's node also bears its amino acid, so that messages tell who stands next to whom in
    space. Where a protein's sequence is withheld or masked, so is this."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Probability with which a scalar channel, or a whole vector, of a residue is dropped."""
    token_dim: int | None = Field(default=None, ge=1)
    """Channels of a token; None takes `node_scalars`."""
    ends: Literal["plain", "massa"] = "plain"
    """How the network begins and ends. `plain`: inputs are mapped, then normalised; tokens are a
    map of the last states. `massa`: inputs are normalised, then mapped; the last states are
    normalised and mapped, negative values cut off, and tokens normalised."""


MASSA: Final = GvpOptions(
    node_scalars=512,
    node_vectors=16,
    edge_scalars=32,
    edge_vectors=1,
    layers=2,
    neighbours=30,
    message_depth=3,
    message_vectors=33,
    update_depth=2,
    gate=False,
    dropout=0.4,
    ends="massa",
)
"""MASSA's structure encoder (Hu et al. 2023, Adv. Sci. 10(22) 2301223), in its own shape."""
