"""What all tests of the ledger do without."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here cuts the power, and a busy disk takes its time."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
