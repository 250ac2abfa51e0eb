"""Residue tokens to one vector per protein."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.tokens import cleared

_TYPICAL_LOG_LENGTH = 5.3
"""log(200): centres the length feature on the median protein."""


def masked_mean(tokens: ResidueTokens) -> Tensor:
    """Mean token of each protein, float32 [protein, channel]; zeros where it has none."""
    total = cleared(tokens.values.float(), tokens.mask).sum(dim=1)
    return total / tokens.mask.sum(dim=1, keepdim=True).clamp(min=1)


class AttentionPool(nn.Module):
    """Learned queries, each with its own softmax over residues and its own share of channels.

    Begins as the mean: the scores start at zero.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.score = nn.Linear(width, heads, bias=False)
        self.value = nn.Linear(width, width)
        nn.init.zeros_(self.score.weight)

    def forward(self, tokens: ResidueTokens) -> Tensor:
        """Pooled tokens, float32 [protein, width]; zeros for a protein without any token."""
        seen = tokens.mask.any(dim=1)
        attended = tokens.mask | ~seen[:, None]
        scores = self.score(tokens.values).float().masked_fill(~attended[..., None], -torch.inf)
        values = self.value(tokens.values).float().unflatten(-1, (self.heads, -1))
        pooled = torch.einsum("prh,prhc->phc", scores.softmax(dim=1), values).flatten(1)
        return cleared(pooled, seen)


class MeanPool(nn.Module):
    """The mean of the fused tokens; no weights."""

    def forward(
        self, fused: ResidueTokens, streams: dict[str, ResidueTokens | None], residue_mask: Tensor
    ) -> Tensor:
        """One vector per protein, float32 [protein, width]; parameters as of `ProteinPool`."""
        return masked_mean(fused)


class NormSoftmaxPool(nn.Module):
    """A mean of tokens weighted by the softmax of their lengths, w_r = e^|h_r| / Σ_s e^|h_s|.

    No weights are learned. MASSA's protein vector (Hu et al. 2023, Adv. Sci. 10(22) 2301223).
    """

    def forward(
        self, fused: ResidueTokens, streams: dict[str, ResidueTokens | None], residue_mask: Tensor
    ) -> Tensor:
        """One vector per protein, float32 [protein, width]; parameters as of `ProteinPool`."""
        seen = fused.mask.any(dim=1)
        values = cleared(fused.values.float(), fused.mask)
        norms = values.norm(dim=-1).masked_fill(~(fused.mask | ~seen[:, None]), -torch.inf)
        return cleared((norms.softmax(dim=1)[..., None] * values).sum(dim=1), seen)


class ProteinPool(nn.Module):
    """Attention pooling of the fused tokens, beside plain means and the length of the chain.

    The means of each stream as it came from its encoder keep what a softmax over contextual
    tokens loses easily: amino-acid composition. A stream that a protein lacks gives zeros.
    """

    def __init__(self, config: FusionConfig, streams: tuple[str, ...]) -> None:
        super().__init__()
        width = config.width
        self.attention = AttentionPool(width, config.pooling_heads)
        self.norms = nn.ModuleDict(
            {name: nn.LayerNorm(width) for name in ("attention", "mean", *streams)}
        )
        hidden = round(config.ffn_multiple * width)
        features = width * len(self.norms) + 1
        self.linear = nn.Linear(features, width)
        self.bent = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(
        self, fused: ResidueTokens, streams: dict[str, ResidueTokens | None], residue_mask: Tensor
    ) -> Tensor:
        """One vector per protein.

        Parameters
        ----------
        fused
            The fused tokens.
        streams
            Tokens of each stream before they met; None where no protein of the batch has any.
        residue_mask
            bool [protein, residue] of the batch; gives the lengths.

        Returns
        -------
        Tensor
            float32 or the autocast dtype, [protein, width]; zeros for a protein without any token.
        """
        seen = fused.mask.any(dim=1)
        pooled = {
            "attention": cleared(self.norms["attention"](self.attention(fused)), seen),
            "mean": cleared(self.norms["mean"](masked_mean(fused)), seen),
        }
        for name, tokens in streams.items():
            pooled[name] = torch.zeros_like(pooled["mean"])
            if tokens is not None:
                mean = self.norms[name](masked_mean(tokens))
                pooled[name] = cleared(mean, tokens.mask.any(dim=1))
        length = residue_mask.sum(dim=1, keepdim=True).clamp(min=1).log() - _TYPICAL_LOG_LENGTH
        features = torch.cat([*(pooled[name] for name in self.norms), length], dim=1)
        return cleared(self.linear(features) + self.bent(features), seen)


def protein_pool(config: FusionConfig, streams: tuple[str, ...]) -> nn.Module:
    """What makes vectors of tokens in the way that `config.pooling` says."""
    if config.pooling == "attention":
        return ProteinPool(config, streams)
    return MeanPool() if config.pooling == "mean" else NormSoftmaxPool()
