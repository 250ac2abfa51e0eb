"""biotrainer's embedding service, per-protein: one HDF5 dataset for each protein.

A local folder would get its general class, which scans tokens in Python; here it gets the class
that biotrainer itself takes for ESM-2 by name. Batch size, order and writing are its own.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from benchmarks.embedding_speed.variants.base import Variant, Vectors


class Biotrainer(Variant):
    """The service that `biotrainer` runs for its embeddings, in fp32."""

    def load(self, checkpoint: Path, device: str) -> None:
        """As `Variant.load`."""
        from transformers import EsmModel, EsmTokenizer

        place = torch.device(device)
        embedder = import_module("biotrainer.embedders.huggingface").ESM2(
            name=checkpoint.name,
            model=EsmModel.from_pretrained(checkpoint, dtype=torch.float32).to(place),
            tokenizer=EsmTokenizer.from_pretrained(checkpoint, do_lower_case=False),
            use_half_precision=False,
            device=place,
        )
        self._service = import_module("biotrainer.embedders").EmbeddingService(embedder)

    def run(self, fasta: Path, out: Path) -> None:
        """As `Variant.run`."""
        out.mkdir()
        self._service.compute_embeddings(
            input_data=fasta,
            output_dir=out,
            protocol=import_module("biotrainer.protocols").Protocol.sequence_to_class,
            force_output_dir=True,
            store_by_hash=False,
        )

    def read(self, out: Path) -> Vectors:
        """As `Variant.read`."""
        import h5py

        (path,) = out.iterdir()
        with h5py.File(path, "r") as file:
            names = list(file)
            return names, np.stack([file[name][:] for name in names]).astype(np.float32)
