"""A model that can annotate, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.bundle import Bundle, load_bundle
from tests.search.zero_shot.models import save_annotating_bundle


@pytest.fixture(scope="session")
def annotating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_annotating_bundle(tmp_path_factory.mktemp("annotating") / "bundle")


@pytest.fixture(scope="session")
def bundle(annotating: Path) -> Bundle:
    return load_bundle(annotating)
