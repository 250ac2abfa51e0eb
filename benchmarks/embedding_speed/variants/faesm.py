"""`faesm` in place of transformers' model, in the same loop, by SDPA where flash-attn is absent.

It was written for transformers 4 and does not load under 5 (4.49 works), so that it may need a
Python of its own.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor

from benchmarks.embedding_speed.variants.huggingface import DTYPES, HuggingFace


class Faesm(HuggingFace):
    """Its masked-language model without the head, which nobody needs for vectors."""

    def load(self, checkpoint: Path, device: str) -> None:
        """As `Variant.load`."""
        theirs = import_module("faesm.esm").FAEsmForMaskedLM
        from transformers import EsmTokenizer

        flash = find_spec("flash_attn") is not None and device != "cpu"
        self._device = device
        self._tokenizer = EsmTokenizer.from_pretrained(checkpoint)
        model = theirs.from_pretrained(str(checkpoint), use_fa=flash)
        self._model = model.esm.eval().to(device).to(DTYPES[self.precision])

    def tune(self, fasta: Path, scratch: Path) -> None:
        """As `HuggingFace.tune`."""
        super().tune(fasta, scratch)
        self.settings["attention"] = "flash-attn" if self._model.config.use_fa else "SDPA"

    def _hidden(self, tokens: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = self._model(tokens, attention_mask=mask).last_hidden_state
        return hidden
