"""The loop of facebookresearch/esm's `scripts/extract.py` with `--include mean`.

The loop is theirs: batches of at most 4,096 tokens from short to long, two loader processes, the
model with its head, one `.pt` file for each protein. Only their model object is filled with the
checkpoint's tensors under its own names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.embedding_speed.variants.base import Variant, Vectors

TOKENS_PER_BATCH: Final = 4096
LONGEST: Final = 1022

_RENAMED: Final = (
    (r"^esm\.embeddings\.word_embeddings", "embed_tokens"),
    (r"^esm\.encoder\.layer\.", "layers."),
    (r"^esm\.encoder\.", ""),
    (r"attention\.self\.(query|key|value)", r"self_attn.\1_proj"),
    (r"self_attn\.(query|key|value)_proj", lambda found: f"self_attn.{found[1][0]}_proj"),
    (r"attention\.self\.rotary_embeddings", "self_attn.rot_emb"),
    (r"attention\.output\.dense", "self_attn.out_proj"),
    (r"attention\.LayerNorm", "self_attn_layer_norm"),
    (r"intermediate\.dense", "fc1"),
    (r"output\.dense", "fc2"),
    (r"(layers\.\d+)\.LayerNorm", r"\1.final_layer_norm"),
)
"""transformers' names of tensors turned into fair-esm's, one after another."""


class FairEsm(Variant):
    """fair-esm 2.0.0, which is the last one."""

    def load(self, checkpoint: Path, device: str) -> None:
        """As `Variant.load`."""
        import esm
        from safetensors.torch import load_file
        from transformers import EsmConfig

        config = EsmConfig.from_pretrained(checkpoint)
        self._alphabet = esm.Alphabet.from_architecture("ESM-1b")
        self._model = esm.model.esm2.ESM2(
            num_layers=config.num_hidden_layers,
            embed_dim=config.hidden_size,
            attention_heads=config.num_attention_heads,
            alphabet=self._alphabet,
            token_dropout=config.token_dropout,
        )
        _fill(self._model, load_file(checkpoint / "model.safetensors"))
        self._device = torch.device(device)
        self._model.eval().to(self._device)

    def run(self, fasta: Path, out: Path) -> None:
        """As `Variant.run`."""
        from esm import FastaBatchedDataset

        dataset = FastaBatchedDataset.from_file(fasta)
        loader = torch.utils.data.DataLoader(
            dataset,
            collate_fn=self._alphabet.get_batch_converter(LONGEST),
            batch_sampler=dataset.get_batch_indices(TOKENS_PER_BATCH, extra_toks_per_seq=1),
            num_workers=2,
        )
        out.mkdir()
        last = self._model.num_layers
        with torch.no_grad():
            for labels, strings, tokens in loader:
                made = self._model(tokens.to(self._device), repr_layers=[last])
                made["logits"].to("cpu")
                hidden = made["representations"][last].to("cpu")
                for row, label in enumerate(labels):
                    mean = hidden[row, 1 : min(LONGEST, len(strings[row])) + 1].mean(0).clone()
                    written = {"label": label, "mean_representations": {last: mean}}
                    torch.save(written, out / f"{label}.pt")

    def read(self, out: Path) -> Vectors:
        """As `Variant.read`."""
        found = [torch.load(path, weights_only=True) for path in sorted(out.iterdir())]
        means = [next(iter(one["mean_representations"].values())) for one in found]
        return [one["label"] for one in found], torch.stack(means).numpy().astype(np.float32)


def _fill(model: Any, tensors: dict[str, Tensor]) -> None:
    """Give the model every tensor that it has; only the unused contact head may be left out."""
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    # The head's matrix is the embeddings', in both libraries.
    renamed["lm_head.weight"] = renamed["embed_tokens.weight"]
    missing, foreign = model.load_state_dict(renamed, strict=False)
    left = [name for name in missing if not name.startswith("contact_head")]
    unplaced = [name for name in foreign if not re.search(r"contact_head|lm_head.decoder", name)]
    if left or unplaced:
        raise ValueError(f"fair-esm's model lacks {left} and has no place for {unplaced}")
