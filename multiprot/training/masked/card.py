"""What a student says about how it came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import torch

from multiprot.bundle.card import render_card
from multiprot.data.sequences import SequenceShards
from multiprot.student.checkpoint import StudentSettings
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.loss import NAME
from multiprot.training.provenance import training_told
from multiprot.training.results import Results

_USAGE: Final = """\
```bash
multiprot embed proteins.fasta --model student:THIS_FOLDER --out vectors
```"""

_CURVE: Final = ("loss", "accuracy")


def student_provenance(
    config: MaskedConfig,
    shards: SequenceShards,
    results: Results,
    looks: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Plain data for the card: sequences, what was left out, settings, results.

    Parameters
    ----------
    config, shards, results
        The run.
    looks
        Rows of its table of the valid split.
    """
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
        "valid_split_while_training": [
            {"step": int(look["step"])} | {name: float(look[f"{NAME}/{name}"]) for name in _CURVE}
            for look in looks
        ],
        "made_with": {"multiprot": version("multiprot"), "torch": torch.__version__},
    }


def student_card(settings: StudentSettings, usage: str = _USAGE) -> str:
    """The model card, Markdown.

    Parameters
    ----------
    settings
        Of the student, with what `student_provenance` told.
    usage
        How to load it.
    """
    shape = settings.config
    summary = (
        f"A transformer over protein sequences: {shape.layers} layers, {shape.width} channels, "
        "trained to guess hidden residues."
    )
    told = {"summary": summary, **settings.provenance}
    versions = told.pop("made_with")
    return render_card(told, model={}, versions=versions, usage=usage)
