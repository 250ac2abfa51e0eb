"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data beside the project, or the one MULTIPROT_SHARED names."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("MULTIPROT_SHARED", default))
    if not (folder / "data").is_dir():
        pytest.skip(f"real data absent: no {folder}/data (set MULTIPROT_SHARED)")
    return folder
