"""A bundle that is one sequence encoder is embedded by that encoder, without padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.bundle import BundleExtras, TrainingSequences, load_bundle, save_bundle
from multiprot.embedding import Embedder
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.embedding.options import EmbedOptions
from multiprot.errors import ConfigError
from multiprot.fusion import ModelConfig
from multiprot.proteins import ProteinRecord
from tests.tiny_model import PROVENANCE, SEEN, tiny_model

RECORDS = [
    ProteinRecord(id=f"p{n}", sequence=("ACDEFGHIKLMNPQRSTVWYX" * 9)[n : n + length])
    for n, length in enumerate((1, 7, 40, 90))
]


def save(path: Path, **fusion: Any) -> Path:
    config = ModelConfig.model_validate(
        {
            "sequence": {
                "name": "residue-transformer",
                "options": {"width": 24, "layers": 2, "heads": 2, "max_residues": 96},
            },
            "fusion": {"residues": "alone", "layers": 0, "pooling": "mean", "width": 24, "heads": 2}
            | fusion,
        }
    )
    extras = BundleExtras(trained_on=TrainingSequences.of([SEEN]))
    model = tiny_model(config)
    return save_bundle(path, model=model, model_config=config, provenance=PROVENANCE, extras=extras)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("plain") / "bundle")


@pytest.mark.parametrize("width", [24, 32])
def test_the_packed_encoder_gives_what_the_whole_model_gives(tmp_path: Path, width: int) -> None:
    """With a linear map behind the tokens, too."""
    bundle = save(tmp_path / "bundle", width=width)
    options, device = EmbedOptions(), torch.device("cpu")
    packed = Embedder.open(bundle)
    whole = Embedder(BundleModel(load_bundle(bundle), options, device), options)
    assert packed.width == whole.width == width
    assert packed.model.parameter_count <= whole.model.parameter_count
    assert isinstance(packed.model, EncoderModel)
    assert packed.model.packs
    assert not whole.model.packs
    found, expected = packed.embed_residues(RECORDS), whole.embed_residues(RECORDS)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=2e-6)
    assert found.residues is not None
    assert expected.residues is not None
    for mine, theirs in zip(found.residues, expected.residues, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)


def test_it_is_still_the_bundle(plain: Path) -> None:
    model = Embedder.from_bundle(plain).model
    bundle = load_bundle(plain)
    assert model.identity.kind == "bundle"
    assert model.identity.content_hash == bundle.content_hash
    assert model.bundle is not None
    trained_on = model.bundle.trained_on()
    assert trained_on is not None


def test_the_space_shared_with_terms_needs_the_whole_model(plain: Path) -> None:
    model = Embedder.open(plain, options=EmbedOptions(space="shared")).model
    assert isinstance(model, BundleModel)


def test_a_bundle_without_that_space_says_so(tmp_path: Path) -> None:
    bundle = save(tmp_path / "bundle", shared_dim=0)
    with pytest.raises(ConfigError, match="has no space shared with GO"):
        Embedder.open(bundle, options=EmbedOptions(space="shared"))


def test_what_is_more_than_the_mean_of_tokens_needs_the_whole_model(tmp_path: Path) -> None:
    bundle = save(tmp_path / "bundle", pooling="norm-softmax")
    assert isinstance(Embedder.open(bundle).model, BundleModel)
