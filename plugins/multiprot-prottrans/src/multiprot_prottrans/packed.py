"""The forward passes of `T5EncoderModel` and `BertModel` over proteins without padding.

They call the trunks' own modules, so that adapters beside them act and gradients flow; what they
leave out of transformers' code is what padding costs. To a T5 that is a matrix of [protein, head,
place, place] in every layer: its bias of relative positions, copied for the mask of each protein.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from multiprot.encoders.packed_attention import Packing, packed_attention
from multiprot.encoders.packed_token_ids import PackedTokenIds


def packed_hidden(trunk: Any, features: PackedTokenIds, pad: int) -> Tensor:
    """The last layer, a T5's after its norm, [token, channel].

    There are special tokens in it and perhaps pads: `PackedTokenIds.residues` are the rows to take.

    Parameters
    ----------
    trunk
        A `T5Stack` or a `BertModel`.
    features
        At least one protein.
    pad
        Token id of padding.
    """
    features = features.filled(pad)
    forward = _t5 if hasattr(trunk, "block") else _bert
    return forward(trunk, features.tokens, features.packing)


def _t5(trunk: Any, tokens: Tensor, packing: Packing) -> Tensor:
    hidden = trunk.dropout(trunk.embed_tokens(tokens))
    # One for all layers; it is made by the first.
    bias = relative_bias(trunk.block[0].layer[0].SelfAttention, max(packing.lengths))
    for block in trunk.block:
        attention = block.layer[0]
        inner = attention.SelfAttention
        normed = attention.layer_norm(hidden)
        query, key, value = (
            project(normed).unflatten(-1, (inner.n_heads, inner.key_value_proj_dim))
            for project in (inner.q, inner.k, inner.v)
        )
        dropout = inner.dropout if inner.training else 0.0
        # A T5 does not divide its scores by the root of the channels.
        seen = packed_attention(query, key, value, packing, bias=bias, scale=1.0, dropout=dropout)
        hidden = hidden + attention.dropout(inner.o(seen.flatten(-2)))
        hidden = block.layer[-1](hidden)
    normed_hidden: Tensor = trunk.dropout(trunk.final_layer_norm(hidden))
    return normed_hidden


def relative_bias(attention: Any, places: int) -> Tensor:
    """What a T5 adds to its scores, [head, place, place]; it depends on the distance alone.

    Parameters
    ----------
    attention
        The `T5Attention` of the first layer.
    places
        Tokens of the longest protein.
    """
    ahead = attention.compute_bias(1, places)[0, :, 0]
    behind = attention.compute_bias(places, 1)[0, :, 1:, 0]
    by_distance = torch.cat([behind.flip(1), ahead], dim=1)
    # Row r begins at the distance -r.
    return by_distance.unfold(1, places, 1).flip(1)


def _bert(trunk: Any, tokens: Tensor, packing: Packing) -> Tensor:
    positions = packing.positions
    hidden: Tensor = trunk.embeddings(input_ids=tokens[None], position_ids=positions[None])[0]
    for layer in trunk.encoder.layer:
        inner = layer.attention.self
        heads = (inner.num_attention_heads, inner.attention_head_size)
        query, key, value = (
            project(hidden).unflatten(-1, heads)
            for project in (inner.query, inner.key, inner.value)
        )
        dropout = inner.dropout.p if inner.training else 0.0
        seen = packed_attention(query, key, value, packing, dropout=dropout)
        attended = layer.attention.output(seen.flatten(-2), hidden)
        hidden = layer.output(layer.intermediate(attended), attended)
    return hidden
