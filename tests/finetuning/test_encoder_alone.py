"""An encoder alone becomes a model that gives what the encoder gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from multiprot.bundle import load_bundle
from multiprot.embedding import Embedder
from multiprot.encoders.registry import Registry
from multiprot.errors import BundleError, ConfigError, TrainingError
from multiprot.finetuning.encoder_alone import is_encoder
from multiprot.finetuning.start import open_start
from multiprot.proteins import ProteinRecord
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import TINY_ESM

FROZEN = FineTuneOptions()
SHAPES = {"esm2": TINY_ESM, "residue-transformer": ("layers=1", "width=12", "heads=2")}


def normalised(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    tensor = torch.from_numpy(values)
    return np.asarray(functional.layer_norm(tensor, tensor.shape[-1:]).numpy())


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_its_vectors_are_the_normalised_means_of_its_tokens(name: str, tmp_path: Path) -> None:
    start = open_start(name, FROZEN, tmp_path / "start", encoder_options=SHAPES[name])
    records = [ProteinRecord(id=f"p{n}", sequence="ACDEFGHIKL"[:n]) for n in (1, 4, 10)]
    found = Embedder.from_bundle(start.bundle).embed_residues(records)
    alone = Embedder.open(name, encoder_options=SHAPES[name]).embed_residues(records)
    assert found.residues is not None
    assert alone.residues is not None
    for made, tokens, vector in zip(found.residues, alone.residues, found.vectors, strict=True):
        expected = normalised(normalised(tokens))
        np.testing.assert_allclose(made, expected, atol=1e-4)
        np.testing.assert_allclose(vector, normalised(expected.mean(axis=0)), atol=1e-3)


def test_what_was_made_once_is_read_again(tmp_path: Path) -> None:
    lora = FineTuneOptions(mode="lora")
    one, other = (
        open_start("esm2", lora, tmp_path / "start", encoder_options=TINY_ESM) for _ in range(2)
    )
    assert one.bundle.content_hash == other.bundle.content_hash
    assert one.name == other.name == "esm2"
    assert one.bundle.config.sequence is not None
    assert one.bundle.config.sequence.options["lora"]["rank"] == lora.lora_rank
    again = open_start("esm2", lora, tmp_path / "again", encoder_options=TINY_ESM)
    assert again.bundle.content_hash == one.bundle.content_hash
    assert open_start("esm2", FROZEN, tmp_path / "start", encoder_options=TINY_ESM).bundle.path == (
        tmp_path / "start" / "encoder"
    )


def test_new_adapters_change_nothing_yet(tmp_path: Path) -> None:
    records = [ProteinRecord(id="p", sequence="ACDEFGHIKL")]
    made = [
        Embedder.from_bundle(
            open_start("esm2", options, tmp_path / "start", encoder_options=TINY_ESM).bundle
        ).embed(records)
        for options in (FROZEN, FineTuneOptions(mode="lora"))
    ]
    np.testing.assert_allclose(made[0].vectors, made[1].vectors, atol=1e-6)


def test_a_bundle_is_begun_with_as_it_is(tiny_bundle: Path, tmp_path: Path) -> None:
    start = open_start(str(tiny_bundle), FROZEN, tmp_path / "start")
    assert not (tmp_path / "start").exists()
    assert start.content_hash == load_bundle(tiny_bundle).content_hash
    with pytest.raises(ConfigError, match="option of an encoder alone"):
        open_start(str(tiny_bundle), FROZEN, tmp_path / "start", encoder_options=("layers=1",))


def test_what_cannot_be_begun_with_is_refused(tmp_path: Path) -> None:
    start = tmp_path / "start"
    with pytest.raises(BundleError, match="nowhere"):
        open_start("nowhere", FROZEN, start)
    with pytest.raises(ConfigError, match="takes no checkpoint"):
        open_start("residue-transformer:weights", FROZEN, start)
    with pytest.raises(TrainingError, match="takes no adapters"):
        open_start(
            "residue-transformer",
            FineTuneOptions(mode="lora"),
            start,
            encoder_options=SHAPES["residue-transformer"],
        )
    registry = Registry.discover()
    assert is_encoder(registry, "esm2:/some/where")
    assert not is_encoder(registry, "residue-geometry")
