"""What a student says about how it came to be."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch

from multiprot.bundle.card import render_card
from multiprot.data.sequences import SequenceShards
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.provenance import training_told
from multiprot.training.results import Results

_USAGE = """\
```bash
multiprot embed proteins.fasta --model student:THIS_FOLDER --out vectors
```"""


def student_provenance(
    config: MaskedConfig, shards: SequenceShards, results: Results
) -> dict[str, Any]:
    """Plain data for the card: sequences, what was left out, settings, results."""
    manifest = shards.manifest
    counts = {
        name: {"proteins": split["proteins"], "residues": split["residues"]}
        for name, split in manifest["splits"].items()
    }
    return {
        "name": config.name,
        "corpus": {"content_hash": shards.content_hash, "inputs": manifest["inputs"]},
        "exclusions": {"list": manifest["exclusion"], "proteins": manifest["left_out"]},
        "splits": counts,
        **training_told(config, results),
    }


def student_card(config: MaskedConfig, provenance: dict[str, Any]) -> str:
    """The model card, Markdown."""
    shape = config.model
    summary = (
        f"A transformer over protein sequences: {shape.layers} layers, {shape.width} channels, "
        "trained to guess hidden residues."
    )
    versions = {"multiprot": version("multiprot"), "torch": torch.__version__}
    told = {"summary": summary, **provenance}
    return render_card(told, model={}, versions=versions, usage=_USAGE)
