"""The encoder of all three plugins: token ids in, one token per residue out."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueEncoder, ResidueTokens
from multiprot.encoders.lora import add_lora
from multiprot.errors import PluginError
from multiprot_prottrans.architecture import resolve
from multiprot_prottrans.family import Family
from multiprot_prottrans.features import ProtTransFeatures, ProtTransFeaturizer
from multiprot_prottrans.options import ProtTransOptions
from multiprot_prottrans.trunk import build_trunk, embeddings_of, layers_of


class ProtTransEncoder(ResidueEncoder[ProtTransFeatures]):
    """ProtT5, ProtBert or Ankh through transformers.

    Shape law: [protein, longest protein, `token_dim`], the last layer (T5's after its norm); what
    stands before and behind the residues is added on the way in and stripped on the way out.

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
        self.featurizer = ProtTransFeaturizer(
            architecture.vocabulary, architecture.max_residues, family.name
        )
        self._adapters: list[nn.Module] = []
        if options.lora is None:
            self._frozen = _freeze(self.trunk, options.freeze, family.name)
        else:
            names = add_lora(self.trunk, options.lora, family.lora_targets, family.name)
            self.adapter_names = frozenset(f"trunk.{name}" for name in names)
            self._frozen = [self.trunk]
            self._adapters = _adapters(self.trunk)
        self._learns = options.freeze != "all"
        self.portable_options: dict[str, Any] = {
            "architecture": architecture.to_json(),
            "max_residues": architecture.max_residues,
            "freeze": options.freeze,
            "lora": None if options.lora is None else options.lora.model_dump(mode="json"),
        }
        self.train(self.training)

    def forward(self, features: ProtTransFeatures) -> ResidueTokens:
        """Tokens of `features`."""
        if not len(features.tokens):
            # The trunks cannot reshape a batch of no proteins.
            weight = next(embeddings_of(self.trunk).parameters())
            return ResidueTokens(weight.new_zeros(0, 0, self.token_dim), features.mask)
        with nullcontext() if self._learns else torch.no_grad():
            hidden: Tensor = self.trunk(
                input_ids=features.tokens,
                attention_mask=features.attended if features.padded else None,
            ).last_hidden_state
        values = hidden[:, features.residues]
        if features.padded:
            values = values.masked_fill(~features.mask.unsqueeze(-1), 0.0)
        return ResidueTokens(values, features.mask)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen parts stay as in use: no dropout."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        for part in self._adapters:
            part.train(mode)
        return self


def _adapters(trunk: nn.Module) -> list[nn.Module]:
    """What peft put beside the layers: matrices and their dropout."""
    return [
        part for name, part in trunk.named_modules() if name.rsplit(".", 1)[-1].startswith("lora_")
    ]


def _freeze(trunk: Any, freeze: str | int, owner: str) -> list[nn.Module]:
    """Stop gradients as the option `freeze` says; the modules that no longer learn."""
    layers = layers_of(trunk)
    if freeze == "none":
        return []
    if freeze == "all":
        frozen: list[nn.Module] = [trunk]
    else:
        learning = int(freeze)
        if learning > len(layers):
            raise PluginError(
                f"{owner}: freeze {learning} would let {learning} layers learn, but there are only "
                f"{len(layers)}; say none to let all learn"
            )
        frozen = [embeddings_of(trunk), *layers[: len(layers) - learning]]
        # T5 drops its embeddings by a module beside them, not inside.
        frozen += [trunk.dropout] if hasattr(trunk, "dropout") else []
    for part in frozen:
        part.requires_grad_(False)
    return frozen
