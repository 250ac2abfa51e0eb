"""An encoder's tokens, brought into the padded layout of the batch and cleared behind the mask."""

from __future__ import annotations

import torch
from torch import Tensor

from multiprot.encoders.contract import PackedTokens, ResidueTokens
from multiprot.errors import PluginError


def cleared(values: Tensor, mask: Tensor) -> Tensor:
    """`values` [..., channel] with exact zeros where `mask` [...] is False, whatever was there.

    A product would let NaN and infinity through, and -0.0 too.
    """
    return torch.where(mask.unsqueeze(-1), values, values.new_zeros(()))


_CONSTANT = 1e-3
"""Every channel of a token that must not be seen, as MASSA has it."""


def shown_tokens(tokens: ResidueTokens, sources: Tensor) -> ResidueTokens:
    """Tokens with another residue's token, or a constant, in some places.

    Parameters
    ----------
    tokens
        [protein, residue, channel].
    sources
        int64 [protein, residue]: the residue whose token stands in each place; -1: the constant.
    """
    rows = sources.clamp(min=0)[..., None].expand(-1, -1, tokens.values.shape[-1])
    values = torch.where((sources >= 0)[..., None], tokens.values.gather(1, rows), _CONSTANT)
    return ResidueTokens(values.to(tokens.values.dtype), tokens.mask)


def padded_tokens(
    tokens: ResidueTokens | PackedTokens, residue_mask: Tensor, encoder: str
) -> ResidueTokens:
    """Tokens in the batch's own layout.

    Parameters
    ----------
    tokens
        What the encoder returned, in either layout.
    residue_mask
        bool [protein, residue] of the batch.
    encoder
        Name for the error message.

    Returns
    -------
    ResidueTokens
        [protein, residue, channel]; the mask is False at padding.

    Raises
    ------
    PluginError
        If the encoder broke the shape law.
    """
    if isinstance(tokens, PackedTokens):
        return _unpacked(tokens, residue_mask, encoder)
    shape = tuple(tokens.values.shape[:2])
    if shape != tuple(residue_mask.shape) or shape != tuple(tokens.mask.shape):
        raise PluginError(
            f"{encoder}: tokens {tuple(tokens.values.shape)} with mask "
            f"{tuple(tokens.mask.shape)} for a batch of {tuple(residue_mask.shape)} "
            "[protein, residue]; row r must be residue r, without special tokens"
        )
    return ResidueTokens(tokens.values, tokens.mask & residue_mask)


def _unpacked(tokens: PackedTokens, residue_mask: Tensor, encoder: str) -> ResidueTokens:
    lengths = tokens.offsets.diff()
    expected = residue_mask.sum(1)
    if lengths.shape != expected.shape or bool((lengths != expected).any()):
        raise PluginError(
            f"{encoder}: packed proteins of {lengths.tolist()} tokens for "
            f"{expected.tolist()} residues; one token per residue, without special tokens"
        )
    values = tokens.values.new_zeros(*residue_mask.shape, tokens.values.shape[-1])
    mask = torch.zeros_like(residue_mask)
    values[residue_mask] = tokens.values
    mask[residue_mask] = tokens.mask
    return ResidueTokens(values, mask)
