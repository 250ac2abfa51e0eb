"""`transformers.EsmModel` with SDPA: padded in input order, or sorted under a token budget."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.embedding_speed.shapes import SPECIAL_TOKENS
from benchmarks.embedding_speed.variants.base import Variant, Vectors, budgeted, read_fasta

DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}
BUDGETS: Final = {"cpu": (1024, 2048, 4096, 8192), "cuda": (16_384, 65_536, 262_144)}
"""Token budgets that are tried for this machine; the fastest is taken."""


class HuggingFace(Variant):
    """The loop that people write; vectors go into one matrix file with a file of names.

    Parameters
    ----------
    precision
        Of the weights and the arithmetic.
    batch
        Proteins per batch in input order; None: sorted by length, under the best token budget.
    """

    def __init__(self, precision: str, batch: int | None = None) -> None:
        super().__init__(precision)
        self._batch = batch
        self._budget = 4096
        self._device = "cpu"
        self._tokenizer: Any = None
        self._model: Any = None

    def load(self, checkpoint: Path, device: str) -> None:
        """As `Variant.load`."""
        from transformers import EsmModel, EsmTokenizer

        self._device = device
        self._tokenizer = EsmTokenizer.from_pretrained(checkpoint)
        model = EsmModel.from_pretrained(
            checkpoint,
            dtype=DTYPES[self.precision],
            attn_implementation="sdpa",
            add_pooling_layer=False,
        )
        self._model = model.eval().to(device)

    def tune(self, fasta: Path, scratch: Path) -> None:
        """Take the fastest token budget; those that do not fit into memory are left out."""
        if self._batch is not None:
            return
        seconds: dict[int, float] = {}
        self.run(fasta, scratch / "warm")
        for budget in BUDGETS[self._device.split(":")[0]]:
            self._budget = budget
            began = time.perf_counter()
            try:
                self.run(fasta, scratch / str(budget))
            except torch.OutOfMemoryError:
                continue
            seconds[budget] = time.perf_counter() - began
        self._budget = min(seconds, key=lambda budget: seconds[budget])
        tried = {str(budget): round(taken, 3) for budget, taken in seconds.items()}
        self.settings = {"tokens_per_batch": self._budget, "seconds_on_a_part": tried}

    def run(self, fasta: Path, out: Path) -> None:
        """As `Variant.run`."""
        names, sequences = read_fasta(fasta)
        lengths = [len(sequence) + SPECIAL_TOKENS for sequence in sequences]
        if self._batch is None:
            batches = budgeted(lengths, self._budget)
        else:
            everyone = range(len(names))
            batches = [list(everyone[i : i + self._batch]) for i in everyone[:: self._batch]]
        vectors: dict[int, np.ndarray[Any, Any]] = {}
        with torch.inference_mode():
            for batch in batches:
                pooled = self._pooled([sequences[position] for position in batch])
                vectors.update(zip(batch, pooled.cpu().numpy(), strict=True))
        out.mkdir()
        np.save(out / "vectors.npy", np.stack([vectors[row] for row in range(len(names))]))
        (out / "names.txt").write_text("\n".join(names))

    def read(self, out: Path) -> Vectors:
        """As `Variant.read`."""
        return (out / "names.txt").read_text().splitlines(), np.load(out / "vectors.npy")

    def _pooled(self, sequences: list[str]) -> Tensor:
        """Float32 [protein, channel]: means over residues, without special tokens."""
        batch = self._tokenizer(sequences, padding=True, return_tensors="pt").to(self._device)
        hidden = self._hidden(batch["input_ids"], batch["attention_mask"]).float()
        mask = batch["attention_mask"].clone()
        ends = mask.sum(dim=1) - 1
        mask[:, 0] = 0
        mask.scatter_(1, ends[:, None], 0)
        sums = torch.einsum("ptc,pt->pc", hidden, mask.float())
        means: Tensor = sums / mask.sum(dim=1, keepdim=True)
        return means

    def _hidden(self, tokens: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = self._model(input_ids=tokens, attention_mask=mask).last_hidden_state
        return hidden
