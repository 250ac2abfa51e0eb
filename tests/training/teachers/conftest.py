"""A corpus of made-up proteins, a model that can teach, and its vectors of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.data import Corpus, SyntheticOptions, make_synthetic_corpus
from multiprot.embedding import Embedder
from multiprot.embedding.write import RunSettings, embed_to_store
from tests.tiny_model import save_tiny_bundle


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    options = SyntheticOptions(families=4, proteins_per_family=5, with_structure=0.6)
    return make_synthetic_corpus(tmp_path_factory.mktemp("corpus") / "corpus", options=options)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("teacher") / "bundle")


@pytest.fixture(scope="session")
def store(corpus: Corpus, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors and residue tokens of the whole corpus."""
    folder = tmp_path_factory.mktemp("store") / "tiny"
    settings = RunSettings(residues=True)
    embed_to_store([str(corpus.path)], Embedder.open(bundle), folder, settings)
    return folder
