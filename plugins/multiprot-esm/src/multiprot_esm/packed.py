"""The forward pass of `EsmModel` over proteins that stand one behind another, without padding.

It calls the trunk's own modules, so that adapters beside them act and gradients flow; what it
leaves out of transformers' code is what padding costs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor

from multiprot.encoders.packed_attention import Packing, packed_attention
from multiprot.encoders.packed_token_ids import PackedTokenIds

MASKED_IN_TRAINING: Final = 0.15 * 0.8
"""Share of residues that ESM's own training showed as <mask>, as `token_dropout` counts on it."""


def packed_hidden(
    trunk: Any, features: PackedTokenIds, run_layer: Callable[..., Tensor] | None = None
) -> Tensor:
    """The last layer after its norm, [token, channel].

    There are special tokens in it and perhaps pads: `PackedTokenIds.residues` are the rows to take.

    Parameters
    ----------
    trunk
        An `EsmModel`.
    features
        At least one protein.
    run_layer
        What `compiled_layer` made, or None.
    """
    run_layer = run_layer or _layer
    features = features.filled(trunk.embeddings.padding_idx)
    packing = features.packing
    positions = packing.positions
    hidden = _embedded(trunk.embeddings, features, positions)
    turns = _turns(trunk.rotary_embeddings, positions)
    for layer in trunk.encoder.layer:
        hidden = run_layer(layer, hidden, turns, packing)
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
    """Cosines, and sines with their signs, [token, 1, channel], or None for learned positions.

    In float32, as angles of hundreds of radians need it.
    """
    if rotary is None:
        return None
    angles = (positions[:, None].float() * rotary.inv_freq.float())[:, None]
    cosines, sines = angles.cos(), angles.sin()
    return torch.cat((cosines, cosines), dim=-1), torch.cat((-sines, sines), dim=-1)


def _rotated(vectors: Tensor, turns: tuple[Tensor, Tensor] | None) -> Tensor:
    """[token, head, channel], channel c turned together with channel c + channels / 2; float32."""
    if turns is None:
        return vectors
    cosines, signed_sines = turns
    exact = vectors.float()
    first, second = exact.chunk(2, dim=-1)
    return exact * cosines + torch.cat((second, first), dim=-1) * signed_sines


def compiled_layer(**settings: Any) -> Callable[..., Tensor]:
    """One layer as torch.compile makes it; attention, whose batches all differ, is left as it is.

    Parameters
    ----------
    **settings
        Of torch.compile.
    """
    # In here, since it imports torch's compiler, which takes a second.
    attend = torch.compiler.disable(packed_attention)  # type: ignore[no-untyped-call]
    made: Callable[..., Tensor] = torch.compile(partial(_layer, attend=attend), **settings)
    return made


def _layer(
    layer: Any,
    hidden: Tensor,
    turns: tuple[Tensor, Tensor] | None,
    packing: Packing,
    attend: Callable[..., Tensor] = packed_attention,
) -> Tensor:
    attention = layer.attention
    inner = attention.self
    normed = attention.LayerNorm(hidden)
    heads = (inner.num_attention_heads, inner.attention_head_size)
    query, key, value = (
        project(normed).unflatten(-1, heads) for project in (inner.query, inner.key, inner.value)
    )
    seen = attend(
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
