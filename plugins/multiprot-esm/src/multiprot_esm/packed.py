"""The forward pass of `EsmModel` over proteins that stand one behind another, without padding.

It calls the trunk's own modules, so that adapters beside them act and gradients flow; what it
leaves out of transformers' code is what padding costs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from multiprot.encoders.packed_attention import Packing, packed_attention
from multiprot.encoders.packed_token_ids import PackedTokenIds

MASKED_IN_TRAINING = 0.15 * 0.8
"""Share of residues that ESM's own training showed as <mask>, as `token_dropout` counts on it."""


def packed_hidden(trunk: Any, features: PackedTokenIds) -> Tensor:
    """The last layer after its norm, [token, channel], special tokens among them.

    Parameters
    ----------
    trunk
        An `EsmModel`.
    features
        At least one protein.
    """
    packing = features.packing
    positions = packing.positions
    hidden = _embedded(trunk.embeddings, features, positions)
    turns = _turns(trunk.rotary_embeddings, positions)
    for layer in trunk.encoder.layer:
        hidden = _layer(layer, hidden, turns, packing)
    normed: Tensor = trunk.encoder.emb_layer_norm_after(hidden)
    return normed


def _embedded(embeddings: Any, features: PackedTokenIds, positions: Tensor) -> Tensor:
    tokens = features.tokens
    hidden: Tensor = embeddings.word_embeddings(tokens)
    if embeddings.token_dropout:
        masked = tokens == embeddings.mask_token_id
        hidden = hidden.masked_fill(masked[:, None], 0.0)
        hidden = (hidden * _rescaling(masked, features.packing)[:, None]).to(hidden.dtype)
    if embeddings.position_embedding_type == "absolute":
        # As in RoBERTa, positions count from the one behind the pad's.
        hidden = hidden + embeddings.position_embeddings(positions + embeddings.padding_idx + 1)
    if embeddings.layer_norm is not None:
        hidden = embeddings.layer_norm(hidden)
    return hidden


def _rescaling(masked: Tensor, packing: Packing) -> Tensor:
    """Float32 [token]: by how much `token_dropout` raises what the masked residues leave."""
    owners = packing.owners
    counts = torch.zeros(len(packing.lengths), device=masked.device)
    counts.index_add_(0, owners, masked.float())
    shares = counts / packing.offsets.diff()
    return ((1 - MASKED_IN_TRAINING) / (1 - shares))[owners]


def _turns(rotary: Any, positions: Tensor) -> tuple[Tensor, Tensor] | None:
    """Cosines and sines [token, 1, channel / 2] in float32, or None for learned positions."""
    if rotary is None:
        return None
    angles = (positions[:, None].float() * rotary.inv_freq.float())[:, None]
    return angles.cos(), angles.sin()


def _rotated(vectors: Tensor, turns: tuple[Tensor, Tensor] | None) -> Tensor:
    """[token, head, channel], channel c turned together with channel c + channels / 2."""
    if turns is None:
        return vectors
    cosines, sines = turns
    first, second = vectors.float().chunk(2, dim=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.cat(turned, dim=-1).to(vectors.dtype)


def _layer(
    layer: Any, hidden: Tensor, turns: tuple[Tensor, Tensor] | None, packing: Packing
) -> Tensor:
    attention = layer.attention
    inner = attention.self
    normed = attention.LayerNorm(hidden)
    heads = (inner.num_attention_heads, inner.attention_head_size)
    query, key, value = (
        project(normed).unflatten(-1, heads) for project in (inner.query, inner.key, inner.value)
    )
    seen = packed_attention(
        _rotated(query, turns),
        _rotated(key, turns),
        value,
        packing,
        dropout=inner.dropout if inner.training else 0.0,
    )
    hidden = attention.output(seen.flatten(-2), hidden)
    fed = functional.gelu(layer.intermediate.dense(layer.LayerNorm(hidden)))
    fed_back: Tensor = layer.output(fed, hidden)
    return fed_back
