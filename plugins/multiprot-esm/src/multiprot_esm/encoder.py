"""The ESM encoder: token ids in, one token per residue out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.learning import LearningParts, arrange_learning
from multiprot.encoders.packed_token_ids import PackedTokenIds, PackingTokenIdFeaturizer
from multiprot.encoders.token_ids import TokenIdFeaturizer, TokenIds
from multiprot_esm.architecture import resolve
from multiprot_esm.options import Esm2Options
from multiprot_esm.packed import compiled_layer, packed_hidden
from multiprot_esm.trunk import build_trunk


class Esm2Encoder(ResidueEncoder[TokenIds | PackedTokenIds]):
    """ESM-2 (Lin et al. 2023) or ESM-1b (Rives et al. 2021) through `transformers.EsmModel`.

    Shape law: [protein, longest protein, `token_dim`], packed [residue, `token_dim`], the last
    layer after its norm; <cls> and <eos> are added on the way in and stripped on the way out.

    Attributes
    ----------
    portable_options
        Options that build the same model with random weights where there is no checkpoint: what a
        saved model has to record, since it carries the weights itself.
    adapter_names
        Entries of `state_dict` that are low-rank adapters; empty without the option `lora`.
    """

    def __init__(self, options: Esm2Options) -> None:
        super().__init__()
        architecture = resolve(options)
        self.trunk = build_trunk(
            architecture, None if options.checkpoint is None else Path(options.checkpoint)
        )
        self.token_dim = int(self.trunk.config.hidden_size)
        self.featurizer = PackingTokenIdFeaturizer(
            TokenIdFeaturizer(architecture.vocabulary, architecture.max_residues, "esm2")
        )
        self._rotary = self.trunk.position_embedding_type == "rotary"
        parts = LearningParts(
            trunk=self.trunk,
            before=[self.trunk.embeddings],
            layers=list(self.trunk.encoder.layer),
            lora_targets=("query", "value"),
        )
        self._learning = arrange_learning(options, parts, "esm2")
        self._learns = options.freeze != "all"
        self.adapter_names = frozenset(f"trunk.{name}" for name in self._learning.adapters)
        self.portable_options: dict[str, Any] = {
            "architecture": architecture.to_json(),
            "max_residues": architecture.max_residues,
            "freeze": options.freeze,
            "lora": None if options.lora is None else options.lora.model_dump(mode="json"),
        }
        self._run_layer: Callable[..., Tensor] | None = None
        self.train(self.training)

    def compile(self, **settings: Any) -> None:
        """As in torch, for packed batches: each layer, but for its attention."""
        self._run_layer = compiled_layer(**settings)

    def forward(self, features: TokenIds | PackedTokenIds) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        with nullcontext() if self._learns else torch.no_grad():
            if isinstance(features, PackedTokenIds):
                return features.of_residues(packed_hidden(self.trunk, features, self._run_layer))
            return self._padded(features)

    def _padded(self, features: TokenIds) -> ResidueTokens:
        if not len(features.tokens):
            # EsmModel cannot reshape a batch of no proteins.
            none = self.trunk.encoder.emb_layer_norm_after.weight.new_zeros(0, 0, self.token_dim)
            return ResidueTokens(none, features.mask)
        # Given, the positions need not be counted from the pads at every step.
        places = torch.arange(features.tokens.shape[1], device=features.tokens.device)
        hidden: Tensor = self.trunk(
            input_ids=features.tokens,
            attention_mask=features.attended if features.padded else None,
            position_ids=places[None] if self._rotary else None,
        ).last_hidden_state
        values = hidden[:, features.residues]
        if features.padded:
            values = values.masked_fill(~features.mask.unsqueeze(-1), 0.0)
        return ResidueTokens(values, features.mask)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen parts stay as in use: no dropout."""
        super().train(mode)
        self._learning.train(mode)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # `.to(bfloat16)` would round the frequencies of the positions, and with them every angle.
        rotary = self.trunk.rotary_embeddings
        exact = rotary.inv_freq if self._rotary else None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if exact is not None:
            rotary.inv_freq = exact.to(rotary.inv_freq.device)
        return self
