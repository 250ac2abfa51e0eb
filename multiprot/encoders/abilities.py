"""What some encoders can do beside what all of them do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder, ResidueTokens


@runtime_checkable
class PartlyFrozen(Protocol):
    """An encoder whose first layers may stay as they are while the last ones learn.

    For padded features ``learning_part(frozen_part()(features))`` is ``forward(features)``, so that
    tokens of the frozen part can be computed once and cached.
    """

    def frozen_part(self) -> ResidueEncoder[Any] | None:
        """The layers that do not learn, in use mode, with the encoder's own weights.

        None where all learns, nothing does, or both lie side by side.
        """
        ...

    def learning_part(self, tokens: ResidueTokens) -> ResidueTokens:
        """The encoder's tokens from those of its frozen part; a protein may have none."""
        ...


@runtime_checkable
class ReadsSequenceTokens(Protocol):
    """A structure encoder that also reads what the model's sequence encoder made of each residue.

    Its `forward` takes `sequence` behind the features: `ResidueTokens` as the sequence encoder gave
    them, in the padded layout whatever that of the features is, zeros with mask False where there
    is no residue or its protein's sequence is missing or withheld; or None where no protein has
    one. What lies behind a False mask is not looked at, so that None says the same as a mask that
    is False throughout.
    """

    def bind_sequence(self, token_dim: int) -> None:
        """Fix the channels of the tokens to be read; called once, before any optimizer exists.

        Raises
        ------
        PluginError
            If they are fixed to another number already.
        """
        ...
