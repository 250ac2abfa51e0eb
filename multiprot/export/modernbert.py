"""A student as a ModernBERT of transformers: the same function in the tensors of another code.

Both are pre-norm encoders with rotary positions, layer norms and gated feed-forwards without
biases. They differ in three places, and each has an exact answer:

- Rotary positions turn channel i together with i + 32 of a head's 64, not 2i with 2i + 1. Query and
  key channels are put in that order; scores are sums over channels and do not see it.
- Embeddings pass a layer norm of their own. The embeddings of the letters lie on a sphere, as any
  few points in many dimensions do; with its centre as bias and its radius in the weight, the norm
  gives them back. Their means over channels are taken off first, as every later norm does anyway.
- The first layer's attention has no norm before it. Its input is one of 27 vectors in at least 64
  dimensions, so a linear map takes each to what norm and projection made of it.

ModernBERT: Warner et al. 2024, arXiv:2412.13663; in transformers since 4.48.
"""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor

from multiprot.encoders.reference.residue_transformer import Block, ResidueTransformer
from multiprot.export.tokenizer import PAD_TOKEN, VOCABULARY
from multiprot.student.config import HEAD_CHANNELS, StudentConfig

_NORM_EPS: Final = 1e-5
_LONGEST: Final = 100_000
"""Told as the longest protein, since some tools ask; rotary positions know no limit."""
_SCALE: Final = 100.0
"""Embeddings are this much larger before their norm, so that its epsilon does not count."""


def modernbert_config(config: StudentConfig, feed_forward_width: int) -> dict[str, Any]:
    """What config.json says, for transformers 4 and 5.

    Parameters
    ----------
    config
        The student's shape.
    feed_forward_width
        Hidden channels of its feed-forward, which the shape may leave to its default.
    """
    rotary = {"rope_type": "default", "rope_theta": config.rotary_base}
    return {
        "architectures": ["ModernBertModel"],
        "model_type": "modernbert",
        "vocab_size": len(VOCABULARY),
        "hidden_size": config.width,
        "intermediate_size": feed_forward_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.width // HEAD_CHANNELS,
        "hidden_activation": "silu",
        "max_position_embeddings": _LONGEST,
        "norm_eps": _NORM_EPS,
        "norm_bias": True,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "embedding_dropout": 0.0,
        "mlp_dropout": 0.0,
        "layer_types": ["full_attention"] * config.layers,
        "rope_parameters": {"full_attention": rotary, "sliding_attention": rotary},
        # The same for transformers 4, which knows neither of the two above.
        "global_attn_every_n_layers": 1,
        "global_rope_theta": config.rotary_base,
        "local_rope_theta": config.rotary_base,
        "reference_compile": False,
        "torch_dtype": "float32",
        "dtype": "float32",
        "pad_token_id": PAD_TOKEN,
        "mask_token_id": VOCABULARY["<mask>"],
        "bos_token_id": None,
        "eos_token_id": None,
        "cls_token_id": None,
        "sep_token_id": None,
    }


def modernbert_tensors(trunk: ResidueTransformer) -> dict[str, Tensor]:
    """The tensors of a `ModernBertModel` that is `trunk`, float32."""
    letters = _centred_letters(trunk)
    tensors = {**_embedding(letters), **_norm("final_norm", trunk.norm)}
    for number, block in enumerate(trunk.blocks):
        if not isinstance(block, Block):
            raise TypeError(f"layer {number} is a {type(block).__name__}, not a Block")
        layer = f"layers.{number}"
        tensors |= _norm(f"{layer}.mlp_norm", block.norm_feed_forward)
        if number:
            tensors |= _norm(f"{layer}.attn_norm", block.norm_attention)
            projection = block.query_key_value.weight.double()
        else:
            projection = _first_projection(block, letters)
        tensors[f"{layer}.attn.Wqkv.weight"] = _in_halves(projection, block.heads)
        tensors[f"{layer}.attn.Wo.weight"] = block.attended.weight
        feed_forward: Any = block.feed_forward
        tensors[f"{layer}.mlp.Wi.weight"] = feed_forward.gate_and_value.weight
        tensors[f"{layer}.mlp.Wo.weight"] = feed_forward.out.weight
    return {name: tensor.detach().float() for name, tensor in tensors.items()}


def _norm(name: str, norm: torch.nn.LayerNorm) -> dict[str, Tensor]:
    return {f"{name}.weight": norm.weight, f"{name}.bias": norm.bias}


def _in_halves(projection: Tensor, heads: int) -> Tensor:
    """Rows of queries and keys so that channel 2i stands at i, and 2i + 1 at i + 32."""
    query, key, value = projection.chunk(3)
    order = torch.arange(HEAD_CHANNELS).view(-1, 2).T.flatten()
    by_head = (heads, HEAD_CHANNELS, -1)
    turned = [part.view(by_head)[:, order].flatten(0, 1) for part in (query, key)]
    return torch.cat([*turned, value])


def _centred_letters(trunk: ResidueTransformer) -> Tensor:
    """float64 [letter, channel]: embeddings without their means over channels."""
    letters = trunk.embedding.weight.detach().double()
    return letters - letters.mean(dim=1, keepdim=True)


def _embedding(letters: Tensor) -> dict[str, Tensor]:
    """Embeddings and their layer norm, which together give `letters`; zeros for padding."""
    first, rest = letters[0], letters[1:] - letters[0]
    # |letter - centre| is the same for all: one linear equation for each letter but the first.
    half_squares = rest.square().sum(dim=1, keepdim=True) / 2
    steps = torch.linalg.lstsq(rest @ rest.T, half_squares).solution
    centre = first + (rest.T @ steps)[:, 0]
    radius = (first - centre).norm() / letters.shape[1] ** 0.5
    # A wild radius would mean letters that can hardly be told apart; what it costs is measured.
    rows = _SCALE * (letters - centre) / radius
    return {
        "embeddings.tok_embeddings.weight": functional.pad(rows, (0, 0, 0, 1)),
        "embeddings.norm.weight": radius.expand(letters.shape[1]).clone(),
        "embeddings.norm.bias": centre,
    }


def _first_projection(block: Block, letters: Tensor) -> Tensor:
    """The linear map from each of `letters` to its queries, keys and values, float64."""
    norm = block.norm_attention
    weight, bias = norm.weight.double(), norm.bias.double()
    normed = functional.layer_norm(letters, norm.normalized_shape, weight, bias, norm.eps)
    wanted = normed @ block.query_key_value.weight.double().T
    projection: Tensor = torch.linalg.lstsq(letters, wanted, driver="gelsd").solution.T
    return projection
