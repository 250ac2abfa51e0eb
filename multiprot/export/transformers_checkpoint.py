"""A student as a plain checkpoint of transformers: no multiprot, no remote code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.encoders.pretrained import quiet_transformers
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.errors import ExportError
from multiprot.export.libraries import export_library
from multiprot.export.modernbert import modernbert_config, modernbert_tensors
from multiprot.export.parity import FloatArray, Runner, padded, trial_sequences
from multiprot.export.source import ExportSource
from multiprot.export.tokenizer import write_tokenizer

BAR: Final = 1e-5
"""Largest difference of any number from the student's."""

OLDEST: Final = "4.48"
"""First version of transformers that reads such a checkpoint."""


def write_checkpoint(folder: Path, source: ExportSource) -> Runner:
    """Write weights, configuration and tokenizer; gives the model as transformers reads it.

    Raises
    ------
    ExportError
        If transformers is not installed, or its tokenizer makes other ids than multiprot.
    """
    export_library("transformers", "transformers")
    tensors = modernbert_tensors(source.trunk)
    # transformers reads this entry of a file and refuses one without it.
    save_file = export_library("safetensors.torch", "transformers").save_file
    plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})
    config = modernbert_config(source.config, feed_forward_width(source.trunk))
    told = json.dumps(config, indent=1) + "\n"
    (folder / "config.json").write_text(told, encoding="utf-8")
    write_tokenizer(folder)
    check_tokenizer(folder)
    return _runner(folder)


def feed_forward_width(trunk: ResidueTransformer) -> int:
    """Hidden channels of a student's feed-forward."""
    first: Any = trunk.blocks[0]
    return int(first.feed_forward.out.in_features)


def check_tokenizer(folder: Path) -> None:
    """Raise if transformers reads the written tokenizer as anything else than it is.

    Raises
    ------
    ExportError
        With the sequence whose ids differ.
    """
    transformers = export_library("transformers", "transformers")
    with quiet_transformers():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    sequences = list(trial_sequences())
    ids, mask = padded(sequences)
    made = tokenizer(sequences, padding=True, return_tensors="np")
    if not (
        np.array_equal(made["input_ids"], ids) and np.array_equal(made["attention_mask"], mask)
    ):
        raise ExportError(
            f"tokenizer: transformers {transformers.__version__} makes other ids of "
            f"{sequences[-1]!r} than multiprot; nothing was written; try another version"
        )


def _runner(folder: Path) -> Runner:
    transformers = export_library("transformers", "transformers")
    with quiet_transformers():
        model, told = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    gaps = [f"{kind}: {sorted(names)[0]}" for kind, names in told.items() if names]
    if gaps:
        raise ExportError(
            f"transformers {transformers.__version__} does not take the checkpoint as it is "
            f"({gaps[0]}); nothing was written; try another version"
        )
    model.eval()

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        attended = torch.from_numpy(mask)
        with torch.inference_mode():
            seen = model(input_ids=torch.from_numpy(ids), attention_mask=attended)
        tokens = seen.last_hidden_state * attended[..., None]
        return tokens.numpy(), (tokens.sum(1) / attended.sum(1, keepdim=True)).numpy()

    return run
