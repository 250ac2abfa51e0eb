"""Shapes of ESM-2, checkpoints with random weights, and the arithmetic of a forward pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VOCABULARY: Final = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO",
    *(".", "-", "<null_1>", "<mask>"),
)
"""Tokens of ESM-2, each at its id."""

SPECIAL_TOKENS: Final = 2
"""<cls> and <eos>, which every protein has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a transformer of the ESM-2 family, whose feed-forwards are four times as wide."""

    layers: int
    width: int
    heads: int = 20

    def flops(self, lengths: Iterable[int]) -> float:
        """Floating-point operations of the matrix products for proteins of `lengths` residues.

        Special tokens count, padding does not: a variant that pads does not work more for it.
        """
        counts = [length + SPECIAL_TOKENS for length in lengths]
        of_weights = 2 * 12 * self.width**2 * sum(counts)
        of_attention = 4 * self.width * sum(count**2 for count in counts)
        return float(self.layers * (of_weights + of_attention))


SHAPES: Final = {
    "tiny": Shape(2, 32, 4),
    "8M": Shape(6, 320),
    "35M": Shape(12, 480),
    "150M": Shape(30, 640),
    "650M": Shape(33, 1280),
}


def write_checkpoint(shape: Shape, folder: Path, seed: int) -> Path:
    """A folder as `facebook/esm2_...` have it, with random weights that are the seed's.

    Letters are drawn from N(0, 1) and matrices so that they keep the size of what they multiply, so
    that all layers and attention matter and an error in any of them shows in the vectors; biases
    and norms are not left at 0 and 1, which would hide that one is missing.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer

    torch.manual_seed(seed)
    config = EsmConfig(
        vocab_size=len(VOCABULARY),
        mask_token_id=VOCABULARY.index("<mask>"),
        pad_token_id=VOCABULARY.index("<pad>"),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        max_position_embeddings=1026,
        position_embedding_type="rotary",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
        initializer_range=shape.width**-0.5,
        token_dropout=True,
        emb_layer_norm_before=False,
    )
    model = EsmForMaskedLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("word_embeddings.weight"):
                weight.normal_()
                weight[config.pad_token_id] = 0.0
            elif weight.ndim == 1:
                weight.add_(torch.randn_like(weight), alpha=0.1)
    config.architectures = ["EsmForMaskedLM"]
    config.save_pretrained(folder)
    save_file(_published(model), folder / "model.safetensors", metadata={"format": "pt"})
    words = folder / "vocab.txt"
    words.write_text("\n".join(VOCABULARY))
    EsmTokenizer(str(words)).save_pretrained(folder)
    return folder


def _published(model: Any) -> dict[str, Any]:
    """The tensors under the names of the published files.

    transformers 5 has one table of frequencies for all layers, and its `save_pretrained` calls the
    norms' weights and biases gamma and beta, which other libraries do not know.
    """
    tensors = {name: weight.detach() for name, weight in model.named_parameters()}
    for number, layer in enumerate(model.esm.encoder.layer):
        name = f"esm.encoder.layer.{number}.attention.self.rotary_embeddings.inv_freq"
        width = layer.attention.self.attention_head_size
        tensors[name] = 1.0 / 10_000 ** (_even(width) / width)
    return tensors


def _even(count: int) -> Any:
    import torch

    return torch.arange(0, count, 2, dtype=torch.int64).float()
