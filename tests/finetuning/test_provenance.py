"""What a fine-tuned bundle says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.bundle import load_bundle
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.provenance import provenance_of, seen_sequences
from multiprot.finetuning.start import Start, open_start
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import TINY_ESM
from tests.finetuning.planted import write_task
from tests.tiny_model import SEEN

RESULTS: dict[str, Any] = {
    "entries": {"train": 36},
    "steps": 9,
    "best_step": 6,
    "parameters": 25,
    "seconds": 1.0,
    "valid": {"auroc": 0.9},
    "tests": {"test": {"auroc": 0.8}},
}


@pytest.fixture
def start(tiny_bundle: Path) -> Start:
    bundle = load_bundle(tiny_bundle)
    return Start(bundle=bundle, name="tiny", source="runs/tiny", content_hash="feed")


def test_what_is_true_of_the_base_stays_and_what_is_not_goes_beneath_it(
    start: Start, tmp_path: Path
) -> None:
    task = load_task(write_task(tmp_path / "task", "binary"))
    options = FineTuneOptions(seed=3)
    told = provenance_of(start, task, options, RESULTS)
    former = start.bundle.provenance
    for key in ("corpus", "exclusions", "licence"):
        assert told[key] == former[key]
    assert told["name"] == "tiny-task"
    assert told["metrics"] == {"valid": {"auroc": 0.9}, "test": {"auroc": 0.8}}
    assert "training" not in told
    assert told["base"] == {
        "name": "tiny",
        "source": "runs/tiny",
        "content_hash": "feed",
        "training": former["training"],
        "metrics": former["metrics"],
    }
    assert told["fine_tuning"]["content_hash"] == task.content_hash
    assert told["fine_tuning"]["options"]["seed"] == 3
    assert former["name"] == "tiny"


def test_it_has_seen_what_the_base_saw_and_what_it_learnt(start: Start, tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "pair_binary"))
    parts = Parts.of(task, 0.1)
    seen = seen_sequences(start, task, parts)
    assert seen is not None
    assert seen.hold([SEEN]).all()
    for column in task.sequences:
        for entries, expected in ((parts.train, True), (parts.valid, True)):
            assert bool(seen.hold([column[row] for row in entries]).all()) is expected
        only_tested = {column[row] for row in parts.tests["test"]} - set(
            parts.learnt_sequences(task)
        )
        assert not seen.hold(sorted(only_tested)).any()
    assert bool((np.diff(seen.digests.astype(object)) > 0).all())


def test_where_nobody_knows_what_the_base_saw_nobody_knows(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "binary"))
    options = FineTuneOptions()
    alone = open_start("esm2", options, tmp_path / "start", encoder_options=TINY_ESM)
    assert seen_sequences(alone, task, Parts.of(task, 0.1)) is None
    told = provenance_of(alone, task, options, RESULTS)
    assert told["base"] == {"name": "esm2", "source": "esm2", "content_hash": None}
