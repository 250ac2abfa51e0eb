"""Fixtures of the embedding tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.bundle import Bundle, load_bundle
from multiprot.embedding import Embedder


@pytest.fixture(scope="session")
def bundle(tiny_bundle: Path) -> Bundle:
    """The tiny model, loaded."""
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="session")
def embedder(bundle: Bundle) -> Embedder:
    """The tiny model with default options."""
    return Embedder.from_bundle(bundle)
