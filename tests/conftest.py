"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from multiprot.proteins import ProteinRecord

# A test is right or wrong, not late: how long one takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Binary cases by name and size, not content: gzip writes the time, and workers must agree."""
    if isinstance(val, bytes) and not val.isascii():
        return f"{argname}-{len(val)}-bytes"
    return None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data beside the project, or the one MULTIPROT_SHARED names."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("MULTIPROT_SHARED", default))
    if not (folder / "data").is_dir():
        pytest.skip(f"real data absent: no {folder}/data (set MULTIPROT_SHARED)")
    return folder


@pytest.fixture(scope="session")
def tiny_records() -> tuple[ProteinRecord, ...]:
    """Twelve synthetic proteins; some bear a structure, some GO terms."""
    from multiprot.data.synthetic import SyntheticOptions, synthetic_records

    options = SyntheticOptions(families=4, proteins_per_family=3, with_structure=0.6)
    return tuple(record for record, _ in synthetic_records(options))


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of all three modalities with random weights; takes up to 96 residues at once.

    It has trained objectives and a GO readout. Tests must not change it: copy it first.
    """
    from tests.tiny_model import save_tiny_bundle

    return save_tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")
