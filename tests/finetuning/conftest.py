"""Runs that take a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiprot.finetuning import FineTuneRun
from multiprot.training.finetune.options import FineTuneOptions

MakeRun = Callable[..., FineTuneRun]
QUICK = {"epochs": 4, "batch_entries": 16, "head_lr": 0.05, "backbone_lr": 1e-3, "log_every": 1}
TINY_ESM = ("layers=1", "width=16", "heads=2")


@pytest.fixture
def make_run(tiny_bundle: Path, tmp_path: Path) -> MakeRun:
    """A run into a folder of the test, with the tiny bundle unless another model is named."""

    def make(task: Path, out: str = "run", model: str | Path = tiny_bundle, **given: Any) -> Any:
        encoder_options = given.pop("encoder_options", ())
        return FineTuneRun(
            model=str(model),
            task=task,
            out=tmp_path / out,
            options=FineTuneOptions.model_validate(QUICK | given),
            encoder_options=encoder_options,
        )

    return make
