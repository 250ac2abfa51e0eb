"""Streams joined residue by residue, then attention among the residues: MASSA's own fusion."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.grouping import Streams, known_streams
from multiprot.fusion.tokens import cleared


class Concatenation(nn.Module):
    """Fused tokens: ReLU(W · [sequence, structure] + b) for each residue.

    A stream that a residue lacks adds exactly nothing, whatever its features hold. W is kept as
    one matrix for each stream, so that nothing is computed for one that no protein has.
    """

    def __init__(self, width: int, streams: tuple[str, ...]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({n: nn.Linear(width, width, bias=False) for n in streams})
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, streams: Streams) -> ResidueTokens:
        """Tokens [protein, residue, width]; zeros with mask False where no stream has a token."""
        known = known_streams(streams)
        present = torch.stack([tokens.mask for tokens in known.values()]).any(dim=0)
        total = self.bias
        for name, tokens in known.items():
            total = total + self.parts[name](cleared(tokens.values, tokens.mask))
        return ResidueTokens(cleared(functional.relu(total), present), present)
