"""A recipe that trains in a second, and the corpus it trains on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from multiprot.config import ResolvedConfig, load_config
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import TrainingParts, build_parts

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

TINY: Mapping[str, Any] = {
    "name": "tiny",
    "seed": 5,
    "model": {
        "sequence": {
            "name": "residue-transformer",
            "options": {"width": 16, "layers": 1, "heads": 2, "dropout": 0.2},
        },
        "structure": {
            "name": "residue-geometry",
            "options": {"width": 16, "layers": 1, "neighbours": 8},
        },
        "go": {"name": "term-table", "options": {"width": 16}},
        "fusion": {"width": 16, "layers": 1, "heads": 2, "pooling_heads": 2, "shared_dim": 16},
    },
    "objectives": [
        {"name": "masked-residue"},
        {"name": "go-contrast"},
        {"name": "go-annotation"},
        {"name": "token-alignment", "weight": 0.5},
    ],
    "batch": {"tokens_per_batch": 512, "crop_residues": 64, "go_min_proteins": 3},
    "optimizer": {"peak_lr": 0.005},
    "schedule": {"warmup_steps": 4},
    "averaging": {"decay": 0.9},
    "trainer": {
        "max_steps": 20,
        "validate_every": 8,
        "validation_batches": 2,
        "checkpoint_every_steps": 5,
        "log_every": 4,
        "accelerator": "cpu",
    },
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four families of ten proteins."""
    out = tmp_path_factory.mktemp("training") / "corpus"
    return make_synthetic_corpus(out, families=4, proteins_per_family=10, seed=3)


@pytest.fixture
def recipe(corpus: Corpus, tmp_path: Path) -> Recipe:
    """Call it with overrides, written KEY=VALUE, for a resolved tiny recipe."""

    def resolve(*overrides: str) -> ResolvedConfig[PretrainConfig]:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, "corpus": {"path": str(corpus.path)}}))
        return load_config(PretrainConfig, path, overrides)

    return resolve


@pytest.fixture
def parts(recipe: Recipe, corpus: Corpus) -> TrainingParts:
    """Model, objectives and labels of the tiny recipe."""
    return build_parts(recipe().value, corpus, Registry.discover())
