"""What encoders and objectives hand on: the batch of a step, and what the model made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from multiprot.encoders.targets import GeometryTargets, GoSet, GoTargets, SpanTargets, Teachings

if TYPE_CHECKING:
    import torch

    from multiprot.encoders.contract import Features, ResidueTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ProteinBatch:
    """What one step sees. A modality that no protein has is None; one that some lack is masked.

    Attributes
    ----------
    ids
        Record ids, one per protein.
    residues
        int64 [protein, residue]: index in `RESIDUE_LETTERS`; -1 at padding. These are targets:
        corruption leaves them as they are.
    residue_mask
        bool [protein, residue]; False at padding.
    sequence, structure
        The encoders' own features, or None where the model has no such encoder.
    has_sequence, has_structure
        bool [protein]; False where the record lacks the modality or dropout took it away.
    masked_residues
        bool [protein, residue]: residues hidden by an objective's `corrupt`, or None.
    token_sources
        int64 [protein, residue], or None: the residue whose sequence token stands in each place;
        -1: a constant stands there. Only `masked-residue` with `legacy` sets it.
    hidden_geometry
        bool [protein, residue]: residues whose own geometry an objective's `corrupt` hid from the
        structure encoder, or None.
    go
        Targets, or None where no protein has annotation.
    go_set
        Terms that the model reads, or None where it reads none.
    spans
        Targets, or None where no objective asks for them.
    geometry
        Targets, or None where no objective asks for them or no protein has a structure.
    fold_states
        int64 [protein, residue], cut as a crop cuts: 3Di states of the whole protein as positions
        in `multiprot.proteins.FOLD_STATE_LETTERS`, known also where the model does not see the
        structure; `NO_FOLD_STATE` at padding and where a residue has none. None where no objective
        asks for them or no residue has one.
    taught
        What each teacher made of the proteins, or None where there are no teachers.
    """

    ids: tuple[str, ...]
    residues: Tensor
    residue_mask: Tensor
    sequence: Features | None
    structure: Features | None
    has_sequence: Tensor
    has_structure: Tensor
    masked_residues: Tensor | None = None
    token_sources: Tensor | None = None
    hidden_geometry: Tensor | None = None
    go: GoTargets | None = None
    go_set: GoSet | None = None
    spans: SpanTargets | None = None
    geometry: GeometryTargets | None = None
    fold_states: Tensor | None = None
    taught: Teachings | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> ProteinBatch:
        """The same batch on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ProteinBatch:
        """The same batch in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Any], Any]) -> ProteinBatch:
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            self,
            **{
                name: move(part)
                for name, part in parts.items()
                if name != "ids" and part is not None
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOutputs:
    """All that objectives may look at after one forward pass.

    Attributes
    ----------
    sequence_tokens, structure_tokens
        The encoders' tokens projected to the fusion width [protein, residue, width], before they
        see each other; None where the model lacks the encoder. A missing modality has mask False.
    fused_tokens
        [protein, residue, width]; mask True where at least one modality has a token.
    protein
        [protein, width]: pooled fused tokens.
    projected
        [protein, shared], unit length: the protein in the space shared with GO. It has seen no GO
        term, also where `protein` and `fused_tokens` have.
    go_tokens
        Tokens of `batch.go_set` [protein, slot, GO width] after they met the protein; mask False
        where there is no term. None where the model reads no GO terms.
    go_terms
        int64 [term]: the candidates of `batch.go.terms`, or None.
    go_projected
        [term, shared], unit length, or None.
    """

    sequence_tokens: ResidueTokens | None
    structure_tokens: ResidueTokens | None
    fused_tokens: ResidueTokens
    protein: Tensor
    projected: Tensor
    go_tokens: ResidueTokens | None = None
    go_terms: Tensor | None = None
    go_projected: Tensor | None = None
