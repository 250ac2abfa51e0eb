"""A student: the transformer, and the head that guesses hidden residues."""

from __future__ import annotations

from torch import Tensor, nn

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.letters import LetterFeatures
from multiprot.encoders.reference.plugins import ResidueTransformerConfig
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.objectives.masked_residue import residue_head
from multiprot.student.config import HEAD_CHANNELS, StudentConfig


class Student(nn.Module):
    """Letters to tokens, and tokens to guesses.

    Parameters
    ----------
    config
        Its shape.
    frequencies
        float32 [amino acid]: shares in the training data, from which guesses begin; None where
        weights are going to be loaded.
    """

    def __init__(self, config: StudentConfig, frequencies: Tensor | None = None) -> None:
        super().__init__()
        self.config = config
        self.trunk = build_trunk(config)
        self.head = residue_head(config.width, frequencies)

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Guesses, logits float32 [token, amino acid], for packed proteins.

        Parameters
        ----------
        letters
            int64 [token], proteins one behind another.
        lengths
            int64 [protein], residues of each.
        """
        guesses: Tensor = self.head(packed_tokens(self.trunk, letters, lengths)).float()
        return guesses


def packed_tokens(trunk: nn.Module, letters: Tensor, lengths: Tensor) -> Tensor:
    """Tokens [token, width] of packed proteins; parameters as of `Student.forward`."""
    tokens: Tensor = trunk(LetterFeatures(letters, lengths, Layout.PACKED)).values
    return tokens


def build_trunk(config: StudentConfig) -> ResidueTransformer:
    """The transformer of a student, freshly initialised, for proteins of any length."""
    return ResidueTransformer(
        ResidueTransformerConfig(
            width=config.width,
            layers=config.layers,
            heads=config.width // HEAD_CHANNELS,
            feed_forward="gated",
            feed_forward_width=config.feed_forward_width,
            dropout=0.0,
            rotary_base=config.rotary_base,
            max_residues=None,
        )
    )
