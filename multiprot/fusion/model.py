"""The fused model: encoders, cross-attention, pooling and projection in one forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    FusionOutputs,
    GoEncoder,
    GoTargets,
    ProteinBatch,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.errors import DataError
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.encoding import encoder_tokens
from multiprot.fusion.go_exchange import GoExchange
from multiprot.fusion.grouping import Streams, some_has_all
from multiprot.fusion.idle import zero_of
from multiprot.fusion.pooling import protein_pool
from multiprot.fusion.projection import NoSharedSpace, SharedProjection, stream_projection
from multiprot.fusion.residues import fuse_residues, layer_shape, residue_fusion
from multiprot.fusion.sequence_stack import SequenceStack
from multiprot.fusion.term_vectors import TermVectors


class FusionModel(nn.Module):
    """Sequence, structure and GO in one model that works with any subset of them.

    A protein that has neither sequence nor structure in a batch (the collator refuses such
    records) gets zeros: tokens with mask False, a zero `protein` and a zero `projected` vector.

    Parameters
    ----------
    config
        Sizes.
    sequence, structure
        Residue encoders; at least one. A structure encoder that reads sequence tokens is bound to
        their channels already.
    go
        Encoder of GO terms, already bound to its ontology, or None.
    """

    def __init__(
        self,
        config: FusionConfig,
        sequence: ResidueEncoder[Any] | None,
        structure: ResidueEncoder[Any] | None,
        go: GoEncoder | None,
    ) -> None:
        super().__init__()
        self.config = config
        self.sequence, self.structure, self.go = sequence, structure, go
        encoders = {"sequence": sequence, "structure": structure}
        present = {name: encoder for name, encoder in encoders.items() if encoder is not None}
        streams = tuple(present)
        self.streams = nn.ModuleDict(
            {name: stream_projection(config, e.token_dim) for name, e in present.items()}
        )
        stack = config.sequence_stack
        self.sequence_stack = None if stack is None else SequenceStack(stack, config.width)
        self.layers, self.sum = residue_fusion(config, streams)
        self.exchange = None
        if config.go_exchange is not None and go is not None:
            self.exchange = GoExchange(config.go_exchange, layer_shape(config), go.term_dim)
        self.pool = protein_pool(config, streams)
        shared = config.shared_dim
        self.project_protein = SharedProjection(config.width, shared) if shared else NoSharedSpace()
        self.project_go = None if go is None else SharedProjection(go.term_dim, shared)

    def forward(self, batch: ProteinBatch) -> FusionOutputs:
        """Everything that objectives and users of the model look at."""
        encoders = {name: getattr(self, name) for name in self.streams}
        found = encoder_tokens(encoders, batch)
        encoded = {name: self._project(name, tokens) for name, tokens in found}
        fused = fuse_residues(self.config, self.layers, self.sum, encoded, batch.residue_mask)
        protein = self.pool(fused, encoded, batch.residue_mask)
        seen = fused.mask.any(dim=1, keepdim=True)
        # Before GO terms are read: what they are contrasted with must not hold them.
        projected = torch.where(seen, self.project_protein(protein), 0.0)
        go_tokens, vectors = None, self._term_vectors(batch)
        if self.exchange is not None:
            fused, go_tokens = self.exchange(fused, batch.go_set, vectors)
            protein = self.pool(fused, encoded, batch.residue_mask)
        terms, go_projected = self._candidates(batch.go, vectors)
        return FusionOutputs(
            sequence_tokens=encoded.get("sequence"),
            structure_tokens=encoded.get("structure"),
            fused_tokens=fused,
            protein=protein,
            projected=projected + zero_of(self._idle(encoded, terms)),
            go_tokens=go_tokens,
            go_terms=terms,
            go_projected=go_projected,
        )

    def project_terms(self, terms: Tensor) -> Tensor:
        """Unit vectors, float32 [term, shared], of `terms`, int64 rows of the ontology.

        Raises
        ------
        DataError
            If the model has no GO encoder.
        """
        if self.go is None or self.project_go is None:
            raise DataError(
                f"{len(terms)} GO terms for a model without a GO encoder; "
                "choose one in the section `go` of the model, or leave the terms out"
            )
        vectors: Tensor = self.project_go(self.go(terms))
        return vectors

    def _project(self, name: str, tokens: ResidueTokens | None) -> ResidueTokens | None:
        """Tokens of one stream in the fusion width."""
        if tokens is None:
            return None
        projected: ResidueTokens = self.streams[name](tokens)
        if name == "sequence" and self.sequence_stack is not None:
            projected = self.sequence_stack(projected)
        return projected

    def _term_vectors(self, batch: ProteinBatch) -> TermVectors | None:
        """Vectors of all GO terms that a batch shows or asks for; None where there is none."""
        asked = [] if batch.go is None else [batch.go.terms]
        if batch.go_set is not None and bool((batch.go_set.shown >= 0).any()):
            asked.append(batch.go_set.shown)
        return TermVectors(self.go, asked) if asked and self.go is not None else None

    def _candidates(
        self, targets: GoTargets | None, vectors: TermVectors | None
    ) -> tuple[Tensor | None, Tensor | None]:
        if targets is None or vectors is None or self.project_go is None:
            return None, None
        return targets.terms, self.project_go(vectors(targets.terms))

    def _idle(self, encoded: Streams, terms: Tensor | None) -> list[nn.Module]:
        """Modules of which this batch may leave a part unused."""
        idle: list[nn.Module] = []
        if not some_has_all(encoded):
            idle += [*(getattr(self, name) for name in encoded), self.streams]
            idle += [self.layers, self.sum, self.pool]
            idle += [] if self.sequence_stack is None else [self.sequence_stack]
        if self.exchange is not None:
            idle.append(self.exchange)
        if terms is None and self.go is not None and self.project_go is not None:
            idle += [self.go, self.project_go]
        return idle
