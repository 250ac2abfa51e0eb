"""The encoder of all three plugins: token ids in, one token per residue out."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.learning import LearningParts, arrange_learning
from multiprot.encoders.packed_token_ids import PackedTokenIds, PackingTokenIdFeaturizer
from multiprot.encoders.token_ids import TokenIdFeaturizer, TokenIds
from multiprot_prottrans.architecture import resolve
from multiprot_prottrans.family import Family
from multiprot_prottrans.legacy_pooling import padded_to, with_mean_of_all
from multiprot_prottrans.options import ProtTransOptions
from multiprot_prottrans.packed import packed_hidden
from multiprot_prottrans.trunk import build_trunk, embeddings_of, layers_of


class ProtTransEncoder(ResidueEncoder[TokenIds | PackedTokenIds]):
    """ProtT5, ProtBert or Ankh through transformers.

    Shape law: [protein, longest protein, `token_dim`], packed [residue, `token_dim`], the last
    layer (T5's after its norm); what stands before and behind the residues is added on the way in
    and stripped on the way out. With `legacy_padding` there is no packed layout.

    Attributes
    ----------
    portable_options
        Options that build the same model with random weights where there is no checkpoint folder:
        what a saved model has to record, since it carries the weights itself.
    """

    def __init__(self, family: Family, options: ProtTransOptions) -> None:
        super().__init__()
        architecture = resolve(family, options)
        self.trunk = build_trunk(
            architecture, None if options.checkpoint is None else Path(options.checkpoint)
        )
        self.token_dim = int(self.trunk.config.hidden_size)
        self._legacy_padding: int | None = getattr(options, "legacy_padding", None)
        padding = TokenIdFeaturizer(architecture.vocabulary, architecture.max_residues, family.name)
        packs = self._legacy_padding is None
        self.featurizer = PackingTokenIdFeaturizer(padding) if packs else padding
        self._learning = arrange_learning(options, _parts(self.trunk, family), family.name)
        self.adapter_names = frozenset(f"trunk.{name}" for name in self._learning.adapters)
        self._learns = options.freeze != "all"
        self._pad = architecture.vocabulary.pad
        self.portable_options: dict[str, Any] = {
            "architecture": architecture.to_json(),
            "max_residues": architecture.max_residues,
            "freeze": options.freeze,
            "lora": None if options.lora is None else options.lora.model_dump(mode="json"),
        }
        if self._legacy_padding is not None:
            self.portable_options["legacy_padding"] = self._legacy_padding
        self.train(self.training)

    def forward(self, features: TokenIds | PackedTokenIds) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        with nullcontext() if self._learns else torch.no_grad():
            if isinstance(features, PackedTokenIds):
                return features.of_residues(packed_hidden(self.trunk, features, self._pad))
            return self._padded(features)

    def _padded(self, features: TokenIds) -> ResidueTokens:
        if not len(features.tokens):
            # The trunks cannot reshape a batch of no proteins.
            weight = next(embeddings_of(self.trunk).parameters())
            return ResidueTokens(weight.new_zeros(0, 0, self.token_dim), features.mask)
        hidden = self._hidden(features)
        values = hidden[:, features.residues]
        if self._legacy_padding is not None:
            values = with_mean_of_all(values, features.mask, hidden)
        if features.padded:
            values = values.masked_fill(~features.mask.unsqueeze(-1), 0.0)
        return ResidueTokens(values, features.mask)

    def _hidden(self, features: TokenIds) -> Tensor:
        """What the model gives for every place, [protein, place, channel]."""
        tokens = features.tokens
        attended = features.attended if features.padded else None
        if self._legacy_padding is not None:
            tokens, attended = padded_to(features, self._legacy_padding, self._pad)
        hidden: Tensor = self.trunk(input_ids=tokens, attention_mask=attended).last_hidden_state
        return hidden

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen parts stay as in use: no dropout."""
        super().train(mode)
        self._learning.train(mode)
        return self


def _parts(trunk: Any, family: Family) -> LearningParts:
    before = [embeddings_of(trunk)]
    # T5 drops its embeddings by a module beside them, not inside.
    before += [trunk.dropout] if hasattr(trunk, "dropout") else []
    return LearningParts(
        trunk=trunk, before=before, layers=layers_of(trunk), lora_targets=family.lora_targets
    )
