"""A pretraining run of a second or two, with several checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from multiprot.config import load_config
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.training.config import PretrainConfig
from multiprot.training.run import pretrain

RECIPE: dict[str, Any] = {
    "name": "traced",
    "seed": 5,
    "model": {
        "sequence": {
            "name": "residue-transformer",
            "options": {"width": 16, "layers": 1, "heads": 2},
        },
        "fusion": {"width": 16, "layers": 1, "heads": 2, "pooling_heads": 2, "shared_dim": 16},
    },
    "objectives": [{"name": "masked-residue"}],
    "batch": {"tokens_per_batch": 512, "crop_residues": 64},
    "optimizer": {"peak_lr": 0.05},
    "schedule": {"warmup_steps": 1},
    "averaging": {"decay": None},
    "trainer": {
        "max_steps": 6,
        "validate_every": 6,
        "validation_batches": 1,
        "checkpoint_every_steps": 2,
        "checkpoints_kept": 3,
        "log_every": 6,
        "accelerator": "cpu",
        "threads": 1,
    },
}


def make_corpus(folder: Path, seed: int = 3) -> Corpus:
    """Forty proteins."""
    return make_synthetic_corpus(folder, families=4, proteins_per_family=10, seed=seed)


def make_run(folder: Path, corpus: Path, **changed: Any) -> Path:
    """The run's folder; its corpus lies elsewhere."""
    recipe = folder.with_suffix(".yaml")
    tree = {**RECIPE, **changed, "corpus": {"path": str(corpus)}}
    recipe.write_text(yaml.safe_dump(tree), encoding="utf-8")
    pretrain(load_config(PretrainConfig, recipe), folder)
    return folder
