"""The fused model: encoders, cross-attention, pooling and projection in one forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import (
    FusionOutputs,
    GoEncoder,
    GoTargets,
    ProteinBatch,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.encoders.rotary import rotary_turns
from multiprot.errors import DataError
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.cross_attention import FusionLayer
from multiprot.fusion.grouping import Streams, alike, some_has_all
from multiprot.fusion.idle import zero_of
from multiprot.fusion.pooling import ProteinPool
from multiprot.fusion.projection import SharedProjection, StreamProjection, StreamSum
from multiprot.fusion.tokens import padded_tokens


class FusionModel(nn.Module):
    """Sequence, structure and GO in one model that works with any subset of them.

    A protein that has neither sequence nor structure in a batch (the collator refuses such
    records) gets zeros: tokens with mask False, a zero `protein` and a zero `projected` vector.

    Parameters
    ----------
    config
        Sizes.
    sequence, structure
        Residue encoders; at least one.
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
            {name: StreamProjection(e.token_dim, config.width) for name, e in present.items()}
        )
        self.layers = nn.ModuleList(FusionLayer(config, streams) for _ in range(config.layers))
        self.sum = StreamSum(config.width, streams)
        self.pool = ProteinPool(config, streams)
        self.project_protein = SharedProjection(config.width, config.shared_dim)
        self.project_go = None if go is None else SharedProjection(go.term_dim, config.shared_dim)

    def forward(self, batch: ProteinBatch) -> FusionOutputs:
        """Everything that objectives and users of the model look at."""
        encoded = {name: self._encode(name, batch) for name in self.streams}
        fused = self._fuse(encoded, batch.residue_mask)
        protein = self.pool(fused, encoded, batch.residue_mask)
        seen = fused.mask.any(dim=1, keepdim=True)
        projected = torch.where(seen, self.project_protein(protein), 0.0)
        terms, go_projected = self._candidates(batch.go)
        return FusionOutputs(
            sequence_tokens=encoded.get("sequence"),
            structure_tokens=encoded.get("structure"),
            fused_tokens=fused,
            protein=protein,
            projected=projected + zero_of(self._idle(encoded, terms)),
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

    def _encode(self, name: str, batch: ProteinBatch) -> ResidueTokens | None:
        """Tokens of one stream in the fusion width; a protein that lacks it has mask False.

        None where no protein of the batch has it: then neither encoder nor attention runs.
        """
        features = batch.sequence if name == "sequence" else batch.structure
        has = batch.has_sequence if name == "sequence" else batch.has_structure
        if features is None or not bool(has.any()):
            return None
        encoder = getattr(self, name)
        found = features.tokens() if isinstance(features, CachedTokens) else encoder(features)
        tokens = padded_tokens(found, batch.residue_mask, type(encoder).__name__)
        masked = ResidueTokens(tokens.values, tokens.mask & has[:, None])
        projected: ResidueTokens = self.streams[name](masked)
        return projected

    def _fuse(self, encoded: Streams, residue_mask: Tensor) -> ResidueTokens:
        """Fused tokens; proteins that have the same streams go through the layers together."""
        channels = self.config.width // self.config.heads
        positions = torch.arange(residue_mask.shape[1], device=residue_mask.device)
        turns = rotary_turns(positions, channels, self.config.rotary_base)
        parts, order = [], []
        for rows, streams in alike(encoded):
            for layer in self.layers:
                streams = layer(streams, turns)
            parts.append(self.sum(streams))
            order.append(rows)
        back = torch.cat(order).argsort()
        return ResidueTokens(
            torch.cat([part.values for part in parts])[back],
            torch.cat([part.mask for part in parts])[back],
        )

    def _candidates(self, targets: GoTargets | None) -> tuple[Tensor | None, Tensor | None]:
        if targets is None or self.go is None:
            return None, None
        return targets.terms, self.project_terms(targets.terms)

    def _idle(self, encoded: Streams, terms: Tensor | None) -> list[nn.Module]:
        """Modules of which this batch may leave a part unused."""
        idle: list[nn.Module] = []
        if not some_has_all(encoded):
            idle += [*(getattr(self, name) for name in encoded), self.streams]
            idle += [self.layers, self.sum, self.pool]
        if terms is None and self.go is not None and self.project_go is not None:
            idle += [self.go, self.project_go]
        return idle
